"""One photo in detail: its activation map, and its classes as bars; or why there is no answer.

`ui.results` shows many photos.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client.errors import ClientError
from ui.heat_map import draw_heat, frame_of
from ui.markup import render
from ui.pictures import data_uri, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.connection import Connection
    from ui.asking import Outcome


def detail_html(
    connection: Connection, outcome: Outcome, preprocessing: Mapping[str, Any], language: str
) -> tuple[str, bool]:
    """Get the explanation of a photo, and show it with its classes; also say if it has a map."""
    if isinstance(outcome.result, ClientError):
        return render("problem", language, name=outcome.name, message=str(outcome.result)), False
    photo, heat, frame, reason = "", "", None, ""
    try:
        image = shown(outcome.path)
        photo, frame = data_uri(image), frame_of(*image.size, preprocessing)
        evidence = connection.inference().explain(outcome.path)["class_activation_map"]
        heat = data_uri(draw_heat(evidence))
    except (ClientError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error)  # show the answer without a picture
    shown_page = render(
        "detail",
        language,
        name=outcome.name,
        scores=outcome.result.scores,
        photo=photo,
        heat=heat,
        frame=frame,
        reason=reason,
    )
    return shown_page, bool(heat)
