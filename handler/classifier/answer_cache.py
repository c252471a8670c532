"""Keeps the answers to image files, for those that come again.

Off by default: it helps where the same files are sent often, such as a shop's catalogue, and costs
memory everywhere else. A key is the SHA-256 of the whole file, so only equal bytes share an answer.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

_OVERHEAD = 512  # bytes of an entry besides its arrays


class Sized(Protocol):
    """An answer that knows its size in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        ...


Answer = TypeVar("Answer", bound=Sized)


class AnswerCache(Generic[Answer]):
    """Answers by the content of their files; the least recently used ones make room for new ones.

    Args:
        max_bytes: Most memory of all entries together; 0 keeps none.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._bytes = 0
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()

    def get(self, file: bytes) -> Answer | None:
        """Return the answer to a file with the same content; None if there is none."""
        if not self._answers:
            return None
        key = _key(file)
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, file: bytes, answer: Answer) -> None:
        """Keep an answer, unless it is larger than the whole cache."""
        size = answer.nbytes + _OVERHEAD
        if size > self.max_bytes:
            return
        key = _key(file)
        if key in self._answers:
            return
        self._answers[key] = answer
        self._bytes += size
        while self._bytes > self.max_bytes:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= oldest.nbytes + _OVERHEAD


def _key(file: bytes) -> bytes:
    return hashlib.sha256(file).digest()
