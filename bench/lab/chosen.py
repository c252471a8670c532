"""The items of a measurement that `--only` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from bench.lab.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Named(Protocol):
    """Something with a name of its own."""

    @property
    def name(self) -> str:
        """For `--only`."""
        ...


Item = TypeVar("Item", bound=Named)


def chosen(names: str | None, items: Sequence[Item], what: str) -> list[Item]:
    """Return the items that are named; all of them where none is.

    Args:
        names: Separated by commas.
        items: All that there are.
        what: Their plural, for the error.

    Raises:
        Unusable: A name is unknown.
    """
    if not names:
        return list(items)
    by_name = {item.name: item for item in items}
    if unknown := set(names.split(",")) - by_name.keys():
        raise Unusable(f"unknown {what}: {', '.join(unknown)}; known are {', '.join(by_name)}")
    return [by_name[name] for name in names.split(",")]
