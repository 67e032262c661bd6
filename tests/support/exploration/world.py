"""The states of the model that is explored."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from smsworks_async.bulk.campaign.waits import lease_for


TIMEOUT = 1.0


LEASE = lease_for(TIMEOUT)


SETTLE = 1


#: The seconds by which a clock is set: more than a lease and a request.
STEP = 5.0


#: The cap of ages in seconds; the journal's clock can be set back.
OLDEST = STEP + LEASE + TIMEOUT + 2.0


@attrs.frozen(kw_only=True)
class Bound:
    """The bounds of the model."""

    chunks: int = 1
    processes: int = 2
    deaths: int = 0
    steps_forward: int = 0
    steps_back: int = 0
    resends: int = 0
    hidden: int = 0
    copies: int = 0
    #: The total, including resends.
    claims: int = 3
    #: Both chunks go to the same recipient, with the same text.
    twins: bool = False
    #: Records have a batch id.
    shows_batch_ids: bool = True
    #: A rejection may contain the id of an accepted batch.
    refusals_with_ids: bool = False


class Process(NamedTuple):
    """The state of a process; ages are seconds since the activity began."""

    doing: str = "idle"
    name: int = 0
    chunk: int = -1
    attempt: int = 0
    since: float = 0.0
    lease_end: float = 0.0
    looked: float = 0.0
    epoch: int = 0


class Request(NamedTuple):
    """A written request that may still be accepted."""

    chunk: int
    attempt: int
    epoch: int
    age: float


class Message(NamedTuple):
    """An accepted batch."""

    chunk: int
    batch_id: str
    attempt: int
    epoch: int
    visible_in: float
    hidden: bool
    answered: bool


class World(NamedTuple):
    """A state. The journal is a number, which `Journals` explains; -1 is none."""

    clock: float
    deaths: int
    forward: int
    back: int
    resends: int
    hidden: int
    copies: int
    claims: int
    epoch: int
    campaigns: int
    copy: int
    processes: tuple[Process, ...]
    wire: tuple[Request, ...]
    messages: tuple[Message, ...]


class Violation(AssertionError):
    """An invalid state; its history can be replayed."""

    def __init__(self, what: str, history: list[str]) -> None:
        super().__init__("\n".join([what, *history]))
        self.what = what
        self.history = history


def visible(world: World) -> tuple[Message, ...]:
    """Return the messages that a search shows, with their visible fields."""
    return tuple(
        Message(m.chunk, m.batch_id, 0, 0, 0.0, hidden=False, answered=False)
        for m in world.messages
        if not m.visible_in
    )


def older_process(process: Process) -> Process:
    """Let a second pass for a process; irrelevantly old ages are capped."""
    if process.doing == "holding":
        lease_end = max(process.lease_end - 1, -OLDEST)
        return process._replace(since=min(process.since + 1, LEASE), lease_end=lease_end)
    if process.doing == "watching":
        return process._replace(since=min(process.since + 1, LEASE + TIMEOUT))
    if process.doing == "looking":
        return process._replace(looked=min(process.looked + 1, SETTLE))
    return process


def idle_process(world: World, process: Process) -> Process:
    return Process(name=process.name, epoch=world.epoch)


def with_process(world: World, index: int, process: Process) -> World:
    processes = (*world.processes[:index], process, *world.processes[index + 1 :])
    return world._replace(processes=processes)


def in_order(world: World) -> World:
    return world._replace(
        processes=tuple(sorted(world.processes)),
        wire=tuple(sorted(world.wire)),
        messages=tuple(sorted(world.messages)),
    )


def describe(bound: Bound, states: int, seconds: float) -> str:
    """Return a summary of the exploration."""
    changed = {
        a.name: getattr(bound, a.name)
        for a in attrs.fields(Bound)
        if getattr(bound, a.name) != a.default
    }
    said = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the smallest world"
    return f"{said}: {states} states, {seconds:.1f} s"
