"""Open Inference Protocol v2: `inputs` of datatype BYTES in; labels and probabilities out.

Tensors in the reply are [N, K]: N images, their K best classes, best first.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

from classifier.errors import InvalidRequest
from classifier.protocols.fields import image_from_base64, members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields

_EXAMPLE = (
    '{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["<base64>"]}]}'
)


def claims(fields: Fields) -> bool:
    """Claim requests with a field `inputs`."""
    return "inputs" in fields


def read_images(fields: Fields) -> list[tuple[str, bytes]]:
    """Decode the elements of the one input tensor."""
    if not isinstance(fields.get("id", ""), str):
        raise InvalidRequest(
            expected='text, such as "42"',
            found=f"a JSON {type(fields['id']).__name__}",
            remedy="put it in quotes, or leave it out",
            where="id",
        )
    tensors = members(fields, "inputs", _EXAMPLE)
    tensor = tensors[0]
    if len(tensors) != 1 or not isinstance(tensor, dict) or tensor.get("datatype") != "BYTES":
        raise InvalidRequest(
            expected=_EXAMPLE,
            found="other than one tensor of datatype BYTES",
            remedy="send the images as the elements of one tensor",
            where="inputs",
        )
    data = members({"data": tensor.get("data")}, "data", _EXAMPLE)
    # -1 leaves the number to the data, as KServe's examples do.
    if tensor.get("shape") not in ([len(data)], [len(data), 1], [-1], [-1, 1]):
        raise InvalidRequest(
            expected=f"shape [{len(data)}], as there are {len(data)} elements",
            found=f"shape {reprlib.repr(tensor.get('shape'))}",
            remedy="give the number of images as the shape",
            where="inputs[0]",
        )
    places = [f"inputs[0].data[{index}]" for index in range(len(data))]
    return [
        (where, image_from_base64(text, where)) for where, text in zip(places, data, strict=True)
    ]


def write_reply(answers: Sequence[Answer], request: Fields, model: tuple[str, str]) -> Any:
    """Write the tensors `label` and `probability`, and repeat the request's id if it has one.

    With `reject_unknown`, a third one, `rejected` [N], says which images are none of the classes.
    """
    shape = [len(answers), len(answers[0].ranking)]
    labels = [name for answer in answers for name, _ in answer.ranking]
    probabilities = [probability for answer in answers for _, probability in answer.ranking]
    outputs = [
        {"name": "label", "shape": shape, "datatype": "BYTES", "data": labels},
        {"name": "probability", "shape": shape, "datatype": "FP32", "data": probabilities},
    ]
    rejected = [answer.rejected for answer in answers]
    if None not in rejected:
        outputs.append(
            {"name": "rejected", "shape": [len(answers)], "datatype": "BOOL", "data": rejected}
        )
    reply = {"model_name": model[0], "model_version": model[1], "outputs": outputs}
    return reply | ({"id": request["id"]} if "id" in request else {})


def metadata(model: tuple[str, str], *, platform: str, classes: int, rejects: bool) -> Any:
    """Write a model's metadata: the tensors that it takes and returns; -1 is any number of images.

    Args:
        model: Name and version.
        platform: What runs it.
        classes: How many classes a reply names, K.
        rejects: Whether replies have the third output.
    """
    outputs = [
        {"name": "label", "datatype": "BYTES", "shape": [-1, classes]},
        {"name": "probability", "datatype": "FP32", "shape": [-1, classes]},
    ]
    if rejects:
        outputs.append({"name": "rejected", "datatype": "BOOL", "shape": [-1]})
    return {
        "name": model[0],
        "versions": [model[1]],
        "platform": platform,
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": outputs,
    }


def write_error(error: Exception, status: int) -> Any:  # noqa: ARG001
    """Write `{"error": "..."}`."""
    return {"error": str(error)}
