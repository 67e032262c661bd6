"""A text that is sent twice by mistake: the key under which `send` records each.

Without ``--idempotency-key`` a text is recorded under a key that is made of its sender, recipient
and words, and the day. The same command looks there first:

- a call that was accepted less than an hour ago is a repeat, and the person decides;
- one whose outcome is unknown is continued: the text is looked for, and not sent again;
- after an hour the text is sent. So it is after a call that was refused or sent nothing, unless the
  one before it was accepted or is in doubt.

Texts that differ in the blanks around them alone are the same text.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async._idempotency.fingerprints import hash_key
from smsworks_async.journals.records import State


if TYPE_CHECKING:
    from smsworks_async.journals import Journal, KeyRecord


#: Seconds for which the same text to the same number counts as a repeat.
WINDOW: Final = 3600.0
_DAY: Final = 86400.0
_IN_DOUBT: Final = frozenset({State.UNKNOWN, State.SENDING})
_MAY_BE_ACCEPTED: Final = _IN_DOUBT | {State.ACCEPTED}


@attrs.frozen
class Place:
    """Where a call is to be recorded.

    Attributes:
        key: the idempotency key to send with.
        next_key: the one to send with although there was such a call.
        earlier: the call that is recorded under `key`, or None.
        age: seconds since that changed.
    """

    key: str
    next_key: str
    earlier: KeyRecord | None = None
    age: float = 0.0

    @property
    def is_repeat(self) -> bool:
        """Whether the same text was accepted within the last hour."""
        return self.earlier is not None and self.earlier.request.state is State.ACCEPTED

    @property
    def is_in_doubt(self) -> bool:
        """Whether the outcome of the earlier call is not known."""
        return self.earlier is not None and self.earlier.request.state in _IN_DOUBT


async def find_place(journal: Journal, base_url: str, *words: str) -> Place:
    """Return where a call is to be recorded.

    Args:
        journal: where keys are kept.
        base_url: the API's address.
        words: what makes two calls the same: the method, sender, recipient and text.

    Raises:
        JournalError: the journal cannot be read.
    """
    now = await journal.now()
    plain = [unicodedata.normalize("NFC", word).strip() for word in words]
    name = hashlib.sha256("\0".join(plain).encode()).hexdigest()[:32]
    today = int(now // _DAY)
    calls: list[tuple[str, KeyRecord]] = []
    free = ""
    for day in (today - 1, today):
        for count in itertools.count():
            free = f"cli-{name}-{day}-{count}"
            kept = await journal.key(hash_key(free, base_url))
            if kept is None:
                break
            calls.append((free, kept))
    for key, kept in reversed(calls):
        if kept.request.state not in _MAY_BE_ACCEPTED:
            continue
        age = max(0.0, now - kept.changed)
        if kept.request.state is State.ACCEPTED and age >= WINDOW:
            break
        return Place(key, free, kept, age)
    return Place(free, free)
