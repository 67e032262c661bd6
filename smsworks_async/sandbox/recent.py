"""Lists that keep the latest of what is added, so that an endless run needs no more memory."""

from __future__ import annotations

from bisect import bisect_left
from operator import attrgetter
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """What counts its own kind, from 1."""

    number: int


T = TypeVar("T", bound=Numbered)
_number = attrgetter("number")


class Recent(list[T]):
    """The latest of what was added, oldest first.

    Attributes:
        added: how many were ever added; the numbers go on after `clear`.

    Args:
        keep: how many are kept at least, and an eighth more at most; None = all.
    """

    def __init__(self, keep: int | None) -> None:
        super().__init__()
        self.added = 0
        self._keep = keep

    def add(self, item: T) -> list[T]:
        """Append an item with the next number, and return those that are kept no longer."""
        self.added = item.number = self.added + 1
        self.append(item)
        return drop_oldest(self, self._keep)

    def find(self, number: int) -> T | None:
        """Return the item of a number, if it is kept."""
        at = bisect_left(self, number, key=_number)
        return self[at] if at < len(self) and self[at].number == number else None


def drop_oldest(items: list[T], keep: int | None) -> list[T]:
    """Remove and return all but the latest `keep`, if there are more than an eighth more of them.

    They are removed in bulk, since each removal from the front moves all the rest.
    """
    if keep is None or len(items) <= keep + keep // 8:
        return []
    dropped = items[: len(items) - keep]
    del items[: len(dropped)]
    return dropped


def latest_before(items: list[T], number: int | None, limit: int) -> list[T]:
    """Return the latest of some items that have a lower number, newest first.

    Args:
        items: in the order of their numbers.
        number: None = the latest of all.
        limit: how many are returned at most.
    """
    end = len(items) if number is None else bisect_left(items, number, key=_number)
    return items[max(0, end - limit) : end][::-1]
