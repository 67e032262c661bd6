"""The states of a small world in which calls with idempotency keys are made."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import attrs

from support.exploration.world import LEASE, SETTLE, STEP, TIMEOUT


#: How the search tells the messages of a call from others depends on it.
Kind = Literal["message", "batch", "passcode"]


class Made(NamedTuple):
    """A call that a process makes, as often as it likes."""

    key: int = 0
    text: int = 0
    resends: bool = False


@attrs.frozen(kw_only=True)
class Bound:
    """How large the world is. Processes may die and the provider may refuse at any time."""

    kind: Kind = "message"
    #: One process makes each of them.
    calls: tuple[Made, ...] = (Made(), Made())
    #: In all, those of resends included.
    claims: int = 2
    steps_forward: int = 0
    steps_back: int = 0
    hidden: int = 0
    #: Records show the mark of the key, and searches go by it.
    shows_marks: bool = True
    #: A refusal may carry the id of what was accepted.
    refusals_with_ids: bool = False
    #: No process stands still for longer than its request may take, once that was written.
    prompt: bool = False

    @property
    def resends(self) -> bool:
        """Whether a call may be sent again."""
        return any(made.resends for made in self.calls)

    @property
    def oldest(self) -> float:
        """How long ago a lease has ended that is as good as any older one, in seconds."""
        return LEASE + TIMEOUT + STEP * self.steps_back


class Process(NamedTuple):
    """What a process is doing.

    Attributes:
        made: the call that it makes.
        doing: ``"asking"`` what the key's state is, and so on.
        awaited: the attempt of another process that it waits for, or 0.
        attempt: its own attempt, or the one that it is in doubt about.
        since: seconds since it began to do this, where that matters.
        lease_end: by the journal's clock; of its claim.
        looked: seconds since its last look but one.
        refused: whether the provider refused its request.
        found: the attempt, the id and whether it is marked, of what a search found.
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
        """Return the process as it asks for the key; at its beginning, it waits for nobody."""
        return Process(self.made, awaited=awaited)

    def older(self, oldest: float) -> Process:
        """Let a second pass; what is older than matters is as old as that."""
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
    """A request that was written, and may be accepted yet."""

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
    #: What a call has returned that is not so.
    wrong: str = ""

    def with_process(self, index: int, process: Process) -> World:
        """Return the world with another process in the place of one."""
        processes = (*self.processes[:index], process, *self.processes[index + 1 :])
        return self._replace(processes=processes)

    def in_order(self) -> World:
        """Return the world with all that has no order of its own in order."""
        processes = tuple(sorted(self.processes))
        wire, messages = self.wire, self.messages
        if len(wire) > 1 or len(messages) > 1:
            wire, messages = tuple(sorted(wire)), tuple(sorted(messages))
        if (processes, wire, messages) == (self.processes, self.wire, self.messages):
            return self
        return self._replace(processes=processes, wire=wire, messages=messages)

    def visible(self) -> tuple[Message, ...]:
        """Return the messages that a search shows, as far as it shows them."""
        return tuple(as_shown(m) for m in self.messages if not m.visible_in)


@cache
def as_shown(message: Message) -> Message:
    """Return what a search shows of a message."""
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
    """Say what was explored."""
    changed = {
        a.name: getattr(bound, a.name)
        for a in attrs.fields(Bound)
        if getattr(bound, a.name) != a.default and a.name != "calls"
    }
    said = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the smallest world"
    calls = " ".join(f"{c.key}.{c.text}{'+' * c.resends}" for c in bound.calls)
    return f"calls {calls}; {said}: {states} states, {seconds:.1f} s"
