"""A memory-efficient set of the recipients that were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from smsworks_async import phone


#: Up to this size a set is used: it is faster than bitmaps, but takes about 90 bytes per number.
MANY: Final = 2**20

# Almost all recipients are UK mobile numbers: 447 and nine digits. A bit for each possible one
# would take 125 MB, so pages are created on demand.
_FIRST: Final = 447_000_000_000
_DIGITS: Final = len(str(_FIRST))
_PAGE: Final = 8192  # bytes, for 65,536 numbers
_BITS: Final = tuple(1 << bit for bit in range(8))

_Pages = defaultdict[int, bytearray]


class Seen:
    """The keys of the recipients that were read.

    Args:
        many: the number of keys above which UK mobile numbers are kept in bitmaps instead of a set.
    """

    def __init__(self, *, many: int = MANY) -> None:
        self._many = many
        self._keys: set[Hashable] = set()
        self._pages: _Pages | None = None

    def add(self, keys: Sequence[Hashable]) -> Sequence[int] | None:
        """Add keys; return the indices of those that are new, or None if all of them are."""
        if self._pages is not None:
            return self._add_to_pages(keys, self._pages)
        before = len(self._keys)
        known = self._keys.intersection(keys)
        self._keys.update(keys)
        if not known and len(self._keys) == before + len(keys):
            new = None
        else:
            add = known.add
            new = [i for i, key in enumerate(keys) if key not in known and not add(key)]
        if len(self._keys) > self._many:
            keys, self._keys = tuple(self._keys), set()
            self._pages = defaultdict(lambda: bytearray(_PAGE))
            self._add_to_pages(keys, self._pages)
        return new

    def _add_to_pages(self, keys: Sequence[Hashable], pages: _Pages) -> Sequence[int] | None:
        new: list[int] = []
        add = new.append
        for index, number in enumerate(_numbers(keys)):
            if number is None:
                if keys[index] not in self._keys:
                    self._keys.add(keys[index])
                    add(index)
                continue
            page, at, bit = pages[number >> 16], (number & 0xFFFF) >> 3, _BITS[number & 7]
            there = page[at]
            if not there & bit:
                page[at] = there | bit
                add(index)
        return None if len(new) == len(keys) else new


def _numbers(keys: Iterable[Hashable]) -> list[int | None]:
    """Return the index of each UK mobile number among all possible ones; None for other keys."""
    uk = f"{phone.UK}7"
    return [
        int(key) - _FIRST if type(key) is str and len(key) == _DIGITS and key[:3] == uk else None
        for key in keys
    ]
