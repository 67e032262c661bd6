"""The rules of opt-outs: events are append-only, one for each message; the last one counts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from smsworks_async.journals.records import storable
from smsworks_async.journals.store import OptOutStore
from smsworks_async.models.opt_outs import Change, OptOutChanges, OptOutEvent


async def record_opt_out(
    store: OptOutStore,
    number: str,
    change: Change,
    *,
    source: str,
    word: str = "",
    message_id: str = "",
    sent: float | None = None,
    known: int | None = None,
) -> bool:
    """Record an opt-out or an opt-in; return whether it is a new event."""
    # Other processes would not see the opt-out if the file was replaced.
    await store.check_in_place()
    last = await store.last_opt_out(number)
    if known is not None and known != len(await store.opt_out_events(number)):
        return False
    if not _counts(last, change, message_id, sent):
        return False
    moment = datetime.fromtimestamp(await store.now() if sent is None else sent, UTC)
    texts = map(storable, (source, word, message_id))
    return await store.insert_opt_out(OptOutEvent(number, change, moment, *texts))


async def record_opt_outs(store: OptOutStore, numbers: Sequence[str], *, source: str) -> int:
    """Record opt-outs of many numbers; return how many had not opted out."""
    recorded = [await record_opt_out(store, number, "out", source=source) for number in numbers]
    return sum(recorded)


def _counts(last: OptOutEvent | None, change: Change, message_id: str, sent: float | None) -> bool:
    """Return whether a change of a number must be recorded after its last event."""
    before = "in" if last is None else last.change
    if change == before and not message_id:
        return False
    # An opt-in that is read late must not undo a later opt-out.
    late = last is not None and sent is not None and sent < last.at.timestamp()
    return change == "out" or not late


async def opted_out(store: OptOutStore, numbers: Sequence[str]) -> Collection[str]:
    """Return the numbers that have opted out."""
    # If the file was replaced, other processes record replies in the new one.
    await store.check_in_place()
    return await store.opted_out(numbers)


async def opt_out_page(
    store: OptOutStore, after: str = "", limit: int = 1000
) -> Sequence[OptOutEvent]:
    """Return the last event of each opted-out number after a given number."""
    return await store.opt_out_page(after=after, limit=limit)


async def opt_out_events(store: OptOutStore, number: str) -> Sequence[OptOutEvent]:
    """Return the events of a number, in order."""
    return await store.opt_out_events(number)


async def opt_out_changes(store: OptOutStore, after: int) -> OptOutChanges:
    """Return the net changes of all events after a key."""
    await store.check_in_place()  # as for `opted_out`
    return await store.opt_out_changes(after)


async def opt_out_list(store: OptOutStore) -> str:
    """Return the unique id of the list."""
    return await store.opt_out_list()
