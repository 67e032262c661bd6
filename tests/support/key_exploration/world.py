"""The states of a small model of calls with idempotency keys."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import attrs

from support.exploration.world import LEASE, SETTLE, STEP, TIMEOUT


#: It determines how the search identifies the messages of a call.
Kind = Literal["message", "batch", "passcode"]


class Made(NamedTuple):
    """A call that a process can make any number of times."""

    key: int = 0
    text: int = 0
    resends: bool = False


@attrs.frozen(kw_only=True)
class Bound:
    """The bounds of the model. Processes may die and the provider may reject at any time."""

    kind: Kind = "message"
    #: One process makes each of them.
    calls: tuple[Made, ...] = (Made(), Made())
    #: The total, including resends.
    claims: int = 2
    steps_forward: int = 0
    steps_back: int = 0
    hidden: int = 0
    #: Records have the mark of the key, and searches can filter by it.
    shows_marks: bool = True
    #: A rejection may contain the id of an accepted message.
    refusals_with_ids: bool = False
    #: No process is stopped for longer than its request's time-out after the write.
    prompt: bool = False

    @property
    def resends(self) -> bool:
        """Whether a call may be sent again."""
        return any(made.resends for made in self.calls)

    @property
    def oldest(self) -> float:
        """The seconds since a lease's expiry beyond which older ones are equivalent."""
        return LEASE + TIMEOUT + STEP * self.steps_back


class Process(NamedTuple):
    """The state of a process.

    Attributes:
        made: its call.
        doing: its activity, such as ``"asking"`` for the key's state.
        awaited: the attempt of another process for which it waits, or 0.
        attempt: its own attempt, or the unknown one.
        since: the seconds since the activity began, if relevant.
        lease_end: the end of its claim's lease by the journal's clock.
        looked: the seconds since its second to last search.
        refused: whether the provider rejected its request.
        found: the attempt, the id and whether it is marked, of the search's result.
    """

    made: Made
    doing: str = "asking"
    awaited: int = 0
    attempt: int = 0
    since: float = 0.0
    lease_end: float = 0.0
    looked: float = 0.0
    refused: bool = False
    found: tuple[int, str, bool] = (0, "", False)

    def asks(self, awaited: int = 0) -> Process:
        """Return the process while it asks for the key; by default it waits for no other."""
        return Process(self.made, awaited=awaited)

    def older(self, oldest: float) -> Process:
        """Let a second pass; irrelevantly old ages are capped."""
        if self.doing == "holding":
            lease_end = max(self.lease_end - 1, -oldest)
            return self._replace(since=min(self.since + 1, LEASE), lease_end=lease_end)
        if self.doing == "waiting":
            return self._replace(since=min(self.since + 1, TIMEOUT))
        if self.doing == "watching":
            return self._replace(since=min(self.since + 1, LEASE + TIMEOUT))
        if self.doing == "looking":
            return self._replace(looked=min(self.looked + 1, SETTLE))
        return self


class Request(NamedTuple):
    """A written request that may still be accepted."""

    made: Made
    attempt: int
    age: float


class Message(NamedTuple):
    """A message or batch that was accepted."""

    made: Made
    message_id: str
    attempt: int
    visible_in: float
    hidden: bool
    answered: bool


class World(NamedTuple):
    """A state. The journal is a number, which `Journals` explains."""

    clock: float
    forward: int
    back: int
    hidden: int
    claims: int
    journal: int
    processes: tuple[Process, ...]
    wire: tuple[Request, ...]
    messages: tuple[Message, ...]
    #: A wrong result of a call.
    wrong: str = ""

    def with_process(self, index: int, process: Process) -> World:
        """Return the world with one process replaced."""
        processes = (*self.processes[:index], process, *self.processes[index + 1 :])
        return self._replace(processes=processes)

    def in_order(self) -> World:
        """Return the world in canonical order."""
        processes = tuple(sorted(self.processes))
        wire, messages = self.wire, self.messages
        if len(wire) > 1 or len(messages) > 1:
            wire, messages = tuple(sorted(wire)), tuple(sorted(messages))
        if (processes, wire, messages) == (self.processes, self.wire, self.messages):
            return self
        return self._replace(processes=processes, wire=wire, messages=messages)

    def visible(self) -> tuple[Message, ...]:
        """Return the messages that a search shows, with their visible fields."""
        return tuple(as_shown(m) for m in self.messages if not m.visible_in)


@cache
def as_shown(message: Message) -> Message:
    """Return the visible fields of a message."""
    return message._replace(
        made=message.made._replace(resends=False),
        attempt=0,
        visible_in=0.0,
        hidden=False,
        answered=False,
    )


def is_of(one: Process | Message, other: Request | Message) -> bool:
    """Return whether both are of one request."""
    return (one.made.key, one.attempt) == (other.made.key, other.attempt)


def describe(bound: Bound, states: int, seconds: float) -> str:
    """Return a summary of the exploration."""
    changed = {
        a.name: getattr(bound, a.name)
        for a in attrs.fields(Bound)
        if getattr(bound, a.name) != a.default and a.name != "calls"
    }
    said = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the smallest world"
    calls = " ".join(f"{c.key}.{c.text}{'+' * c.resends}" for c in bound.calls)
    return f"calls {calls}; {said}: {states} states, {seconds:.1f} s"
