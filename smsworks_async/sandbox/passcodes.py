"""One-time passcodes: creation, lookup, verification and expiry."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .records import Passcode


DEFAULT_LENGTH = 6  # digits
DEFAULT_VALIDITY = 300  # seconds
DEFAULT_TEMPLATE = "Your passcode is {{passcode}}"


@attrs.define(eq=False)
class Passcodes:
    """The passcodes of an account, indexed by message id and by their digits.

    Attributes:
        changed: called with each new or changed passcode.
        dropped: called with the passcodes that were dropped.
        added: the number of passcodes ever added.
    """

    changed: Callable[[Passcode], None] = lambda _: None
    dropped: Callable[[list[Passcode]], None] = lambda _: None
    added: int = 0
    _by_id: dict[str, Passcode] = attrs.field(init=False, factory=dict)
    _alike: dict[str, list[Passcode]] = attrs.field(init=False, factory=dict)

    def make(self, length: int, seed: str) -> str:
        """Return ``length`` digits, which depend only on the seed and the number added before."""
        draw = Random(f"{seed} {self.added}")  # noqa: S311 - repeatable on purpose
        return "".join(draw.choices("0123456789", k=length))

    def add(self, passcode: Passcode) -> None:
        """Add a passcode."""
        self.added += 1
        self._by_id[passcode.message_id] = passcode
        self._alike.setdefault(passcode.passcode, []).append(passcode)
        self.changed(passcode)

    def get(self, message_id: str) -> Passcode | None:
        """Return the passcode that was sent in a message; None if there is none."""
        return self._by_id.get(message_id)

    def drop(self, message_ids: Iterable[str]) -> None:
        """Drop the passcodes of some messages."""
        known = [self._by_id.pop(id) for id in message_ids if id in self._by_id]
        for passcode in known:
            alike = self._alike[passcode.passcode]
            alike.remove(passcode)
            if not alike:
                del self._alike[passcode.passcode]
        if known:
            self.dropped(known)

    def verify(self, digits: str, now: float) -> Passcode | None:
        """Verify the newest valid passcode with these digits, and return it; None without one."""
        for passcode in reversed(self._alike.get(digits, [])):
            if passcode.status(now) == "SENT":
                passcode.verified = True
                passcode.modified = now
                self.changed(passcode)
                return passcode
        return None
