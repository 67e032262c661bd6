"""Lists that keep only the latest items, so that memory has a bound."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """An item with a number, counted from 1."""

    number: int


T = TypeVar("T", bound=Numbered)
_number = attrgetter("number")


class Recent(list[T]):
    """A list of the latest items that were added, oldest first.

    Attributes:
        added: the number of items ever added; `clear` does not reset it.

    Args:
        keep: the least number of items to keep; up to an eighth more are kept. None keeps all.
    """

    def __init__(self, keep: int | None) -> None:
        super().__init__()
        self.added = 0
        self._keep = keep

    def add(self, item: T) -> list[T]:
        """Append an item with the next number, and return the items that were dropped."""
        self.added = item.number = self.added + 1
        self.append(item)
        return drop_oldest(self, self._keep)

    def find(self, number: int) -> T | None:
        """Return the item with a number; None if it is not kept."""
        at = bisect_left(self, number, key=_number)
        return self[at] if at < len(self) and self[at].number == number else None


def drop_oldest(items: list[T], keep: int | None) -> list[T]:
    """Remove and return all but the latest `keep` items, once there are an eighth more than that.

    They are removed in bulk because each removal from the front moves all other items.
    """
    if keep is None or len(items) <= keep + keep // 8:
        return []
    dropped = items[: len(items) - keep]
    del items[: len(dropped)]
    return dropped


def latest_before(items: list[T], number: int | None, limit: int) -> list[T]:
    """Return the latest items with numbers below ``number``, newest first.

    Args:
        items: the items, in the order of their numbers.
        number: the number; None for the latest of all items.
        limit: the most items to return.
    """
    end = len(items) if number is None else bisect_left(items, number, key=_number)
    return items[max(0, end - limit) : end][::-1]
