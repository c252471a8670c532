"""The base class of services for PyTorch."""

from __future__ import annotations

from typing import Any


class PTServingBaseService:
    """Calls the three steps of a service one after the other."""

    def __init__(self, model_name: str, model_path: str) -> None:
        self.model_name, self.model_path = model_name, model_path

    def inference(self, data: dict[str, Any]) -> Any:
        """Answer one request."""
        return self._postprocess(self._inference(self._preprocess(data)))

    def _preprocess(self, data: Any) -> Any:
        return data

    def _inference(self, data: Any) -> Any:
        raise NotImplementedError

    def _postprocess(self, data: Any) -> Any:
        return data
