"""Sets the texts of Gradio's components, and changes them with the language.

`ui.markup` renders the results in a language.
"""

from __future__ import annotations

from typing import Any, TypeVar

import gradio as gr

from ui.texts import say

FIRST_LANGUAGE = "en"
Component = TypeVar("Component")


class Wording:
    """The components whose texts follow the language, in order of creation."""

    def __init__(self) -> None:
        self.components: list[Any] = []
        self._names: list[dict[str, str]] = []

    def on(self, component: type[Component], texts: dict[str, str], **options: Any) -> Component:
        """Create a component whose texts follow the language.

        Args:
            component: Its class.
            texts: Maps an option, such as "label", to the name of its text.
            options: Its other options.
        """
        first = {option: say(FIRST_LANGUAGE, name) for option, name in texts.items()}
        made = component(**first, **options)
        self.components.append(made)
        self._names.append(texts)
        return made

    def updates(self, language: str) -> list[Any]:
        """Return the update for each of the components."""
        return [
            gr.update(**{option: say(language, name) for option, name in texts.items()})
            for texts in self._names
        ]
