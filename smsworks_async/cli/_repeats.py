"""Derive the idempotency key of `send`, which protects against sending a text twice by mistake.

Without ``--idempotency-key``, a text is recorded under a key derived from its sender, recipient and
content, and the day. A later call with the same text finds the record:

- if the earlier call was accepted less than an hour ago, the later one is a repeat, and the user
  decides;
- if its outcome is unknown, the same key is used: the text is looked for, and not sent again;
- if it was accepted longer ago, the text is sent. The same applies if it was refused or sent
  nothing, unless the call before that was accepted or its outcome is unknown.

White space around a text is ignored.

The day is that of the journal's clock, in UTC. Shortly before midnight a call waits until the next
day begins: otherwise two equal calls at once might see different days, and both send.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import unicodedata
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import attrs

from smsworks_async._idempotency.fingerprints import hash_key
from smsworks_async.journals.records import State


if TYPE_CHECKING:
    from smsworks_async.journals import Journal, KeyRecord


#: How long the same text to the same number counts as a repeat, in seconds.
WINDOW: Final = 3600.0
#: How long before midnight a call waits for the next day, in seconds; longer than it takes from the
#: choice of a key to its claim.
MIDNIGHT_MARGIN: Final = 5.0
_DAY: Final = 86400.0
_IN_DOUBT: Final = frozenset({State.UNKNOWN, State.SENDING})
_MAY_BE_ACCEPTED: Final = _IN_DOUBT | {State.ACCEPTED}


@attrs.frozen
class KeyChoice:
    """The idempotency key for a call.

    Attributes:
        key: the key to send with.
        next_key: a free key, to send the text once more.
        earlier: the call that is recorded under `key`, or None.
        age: the time since that record changed, in seconds.
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
        """Whether the outcome of the earlier call is unknown."""
        return self.earlier is not None and self.earlier.request.state in _IN_DOUBT


async def choose_key(
    journal: Journal,
    base_url: str,
    *words: str,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> KeyChoice:
    """Return the idempotency key for a call.

    Args:
        journal: the journal with the keys.
        base_url: the API's address.
        words: the values that identify a call: the method, sender, recipient, text and time.
        sleep: waits for a number of seconds.

    Raises:
        JournalError: the journal cannot be read.
    """
    today = await _today(journal, sleep)
    now = await journal.now()
    plain = [unicodedata.normalize("NFC", word).strip() for word in words]
    # Half of a surrogate pair, which a shell passes for bytes that are not UTF-8, is refused later.
    name = hashlib.sha256("\0".join(plain).encode(errors="surrogatepass")).hexdigest()[:32]
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
        return KeyChoice(key, free, kept, age)
    return KeyChoice(free, free)


async def _today(journal: Journal, sleep: Callable[[float], Awaitable[object]]) -> int:
    """Return the day by the journal's clock; wait for the next one if that begins very soon."""
    now = await journal.now()
    today = int((now + MIDNIGHT_MARGIN) // _DAY)
    if today * _DAY > now:
        await sleep(today * _DAY - now)
    return today
