"""Which recipients have been read before, in little memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from smsworks_async import phone


#: A set is faster than a bitmap, and takes some 90 bytes for each number. From so many numbers on,
#: the bitmap is smaller than a set.
MANY: Final = 2**20

# UK mobile numbers, 447 and nine digits, are what nearly all recipients are. A bit for each of
# them is 125 MB, of which the operating system keeps those pages that have been written to.
_FIRST: Final = 447_000_000_000
_LAST: Final = 447_999_999_999
_DIGITS: Final = len(str(_FIRST))
_BITS: Final = tuple(1 << bit for bit in range(8))


class Seen:
    """The keys of recipients that were read.

    Args:
        many: how many keys are kept in a set before UK mobile numbers are kept in a bitmap.
    """

    def __init__(self, *, many: int = MANY) -> None:
        self._many = many
        self._keys: set[Hashable] = set()
        self._bitmap: bytearray | None = None

    def add(self, keys: Sequence[Hashable]) -> Sequence[int] | None:
        """Add keys; return the indices of those that are new, or None where all of them are."""
        if self._bitmap is not None:
            return self._add_to_bitmap(keys, self._bitmap)
        before = len(self._keys)
        known = self._keys.intersection(keys)
        self._keys.update(keys)
        if not known and len(self._keys) == before + len(keys):
            new = None
        else:
            add = known.add
            new = [i for i, key in enumerate(keys) if key not in known and not add(key)]
        if len(self._keys) > self._many:
            self._keys, self._bitmap = _split(self._keys)
        return new

    def _add_to_bitmap(self, keys: Sequence[Hashable], bitmap: bytearray) -> Sequence[int] | None:
        numbers = _numbers(keys)
        new: list[int] = []
        add = new.append
        for index, number in enumerate(numbers):
            if number is None:
                if keys[index] not in self._keys:
                    self._keys.add(keys[index])
                    add(index)
                continue
            at, bit = number >> 3, _BITS[number & 7]
            there = bitmap[at]
            if not there & bit:
                bitmap[at] = there | bit
                add(index)
        return None if len(new) == len(keys) else new


def _numbers(keys: Iterable[Hashable]) -> list[int | None]:
    """Return the place of each UK mobile number in the bitmap, and None for any other key."""
    uk = f"{phone.UK}7"
    return [
        int(key) - _FIRST if type(key) is str and len(key) == _DIGITS and key[:3] == uk else None
        for key in keys
    ]


def _split(keys: set[Hashable]) -> tuple[set[Hashable], bytearray]:
    """Return a bitmap of the UK mobile numbers among keys, and a set of the others."""
    bitmap = bytearray((_LAST - _FIRST) // 8 + 1)
    others: set[Hashable] = set()
    for key in keys:
        (number,) = _numbers((key,))
        if number is None:
            others.add(key)
        else:
            bitmap[number >> 3] |= _BITS[number & 7]
    return others, bitmap
