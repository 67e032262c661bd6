"""Incoming messages without a public URL: each is delivered at least once, despite crashes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ConfigurationError,
    IncomingMessage,
    NotAuthenticated,
    ServiceError,
    ValidationError,
)
from smsworks_async.resources._inbox import FileBookmark
from smsworks_async.sandbox import Fault, ManualClock, Sandbox
from support.clock import FakeClock, use_clock
from support.sandboxes import AT_ONCE


class EventfulClock(FakeClock):
    """A clock that runs the next step after each sleep, until no step is left."""

    def __init__(self):
        super().__init__()
        self.then = []

    async def sleep(self, seconds):
        await super().sleep(seconds)
        if not self.then:
            raise TimeoutError("nothing more is to come")
        await self.then.pop(0)()


@pytest.fixture
async def box():
    async with Sandbox(clock=ManualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def clock():
    return EventfulClock()


@pytest.fixture
async def sms(box, clock):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        use_clock(client, clock)
        yield client


async def receive(box, *texts):
    for text in texts:
        await box.receive(sender="447700900124", to="60777", content=text)
        await box.advance(1)


async def drawn(sms, handled=None, **options):
    """Handle messages until there are no more; return the texts."""
    texts = [] if handled is None else handled
    try:
        async for message in sms.messages.incoming(**options):
            texts.append(message.content)
    except TimeoutError:
        pass
    return texts


async def test_incoming_yields_what_came_before_and_what_comes_later_in_order(box, sms, clock):
    await receive(box, "one", "two")
    clock.then = [lambda: receive(box, "three", "four"), lambda: receive(box)]
    assert await drawn(sms, pause=7) == ["one", "two", "three", "four"]
    assert clock.slept == [7, 7, 7]


async def test_incoming_yields_who_sent_what_to_which_number_and_when(box, sms):
    await receive(box, "Yes please")
    message = await anext(sms.messages.incoming())
    assert isinstance(message, IncomingMessage)
    assert (message.sender, message.destination) == ("447700900124", "60777")
    assert message.created == datetime.fromtimestamp(box.now, UTC) - timedelta(seconds=1)


async def test_incoming_without_follow_ends_after_the_last_message(box, sms, clock, tmp_path):
    await receive(box, "one", "two")
    place = tmp_path / "place"
    options = {"bookmark": place, "follow": False}
    assert [one.content async for one in sms.messages.incoming(**options)] == ["one", "two"]
    assert [one.content async for one in sms.messages.incoming(**options)] == []
    assert clock.slept == []


async def test_incoming_without_follow_raises_a_temporary_failure(box, sms):
    box.add_fault(Fault(path="/messages", status=503, times=0))
    with pytest.raises(ServiceError):
        await anext(sms.messages.incoming(follow=False))


async def test_incoming_marks_nothing_as_read(box, sms):
    await receive(box, "one")
    await drawn(sms)
    assert [record.content for record in await sms.messages.inbox()] == ["one"]


async def test_incoming_loses_nothing_when_the_consumer_stops_in_the_middle(box, sms, tmp_path):
    place = tmp_path / "place"
    await receive(box, "one", "two", "three")
    async for message in sms.messages.incoming(bookmark=place):
        if message.content == "two":
            break  # as in a crash: the second is being handled, and the third was not requested
    assert await drawn(sms, bookmark=place) == ["two", "three"]
    assert await drawn(sms, bookmark=str(place)) == []
    await receive(box, "four")
    assert await drawn(sms, bookmark=FileBookmark(place)) == ["four"]


async def test_incoming_loses_nothing_when_the_consumer_fails_on_a_message(box, sms, tmp_path):
    await receive(box, "one", "two")
    handled = []
    with pytest.raises(LookupError):
        async for message in sms.messages.incoming(bookmark=tmp_path / "place"):
            if handled:
                raise LookupError
            handled.append(message.content)
    assert await drawn(sms, bookmark=tmp_path / "place") == ["two"]


@pytest.mark.parametrize("at", range(1, 6))
async def test_incoming_repeats_one_message_at_most_after_a_death_at_any_moment(
    box, sms, tmp_path, at
):
    await receive(box, *"abcde")
    place = tmp_path / "place"
    incoming = sms.messages.incoming(bookmark=place)
    handled = [(await anext(incoming)).content for _ in range(at)]
    del incoming  # it is not closed, and does not run any further
    await drawn(sms, handled, bookmark=place)
    assert sorted(set(handled)) == list("abcde")
    assert len(handled) == 6


async def test_bookmark_may_be_an_object_with_plain_or_async_functions(box, sms):
    kept = []

    class Row:
        async def load(self):
            await asyncio.sleep(0)
            return kept[-1] if kept else None

        def save(self, place):
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()  # a thread, where it may block
            kept.append(place)

    await receive(box, "one", "two")
    assert await drawn(sms, bookmark=Row()) == ["one", "two"]
    assert len(kept) == 2
    assert await drawn(sms, bookmark=Row()) == []


async def test_incoming_yields_what_shows_up_late_though_a_later_one_was_handled(sms, clock):
    async with Sandbox(clock=ManualClock(), search_lag=0) as box:
        archive = box._simulator.state.account.archive
        async with AsyncSMSWorks(box.token, base_url=box.base_url) as client:
            use_clock(client, clock)
            await receive(box, "late", "early")
            late = archive.messages[0]
            late.forgotten = True  # no search shows it

            async def show():
                late.forgotten = False

            clock.then = [show]
            assert await drawn(client) == ["early", "late"]


async def test_bookmark_does_not_grow_with_what_was_handled(box, sms, tmp_path):
    for hour in range(5):
        await receive(box, f"hour {hour}")
        await box.advance(3600)
    assert len(await drawn(sms, bookmark=tmp_path / "place")) == 5
    kept = json.loads((tmp_path / "place").read_text())
    assert len(kept["handled"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


async def test_incoming_begins_at_since_unless_the_bookmark_holds_a_place(box, sms, tmp_path):
    await receive(box, "old")
    await box.advance(7200 * 2)
    moment = datetime.fromtimestamp(box.now, UTC)
    await receive(box, "new")
    assert await drawn(sms, since=moment, bookmark=tmp_path / "place") == ["new"]
    assert await drawn(sms, since=moment - timedelta(days=9), bookmark=tmp_path / "place") == []


async def test_incoming_yields_nothing_of_the_hour_before_since(box, sms, tmp_path):
    await receive(box, "old")
    moment = datetime.fromtimestamp(box.now, UTC)
    await receive(box, "new")
    assert await drawn(sms, since=moment) == ["new"]
    for texts in (["new"], [], ["newer"]):
        assert await drawn(sms, since=moment, bookmark=tmp_path / "place") == texts
        if not texts:
            await receive(box, "newer")


@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=9)])
async def test_incoming_loses_nothing_after_a_message_whose_date_is_in_the_future(
    box, sms, clock, tmp_path, ahead
):
    created = datetime.fromtimestamp(box.now, UTC) + ahead
    record = {"messageid": "7", "status": "INCOMING", "content": "of tomorrow"}
    record |= {"sender": "447700900124", "destination": "60777", "created": created.isoformat()}
    box.add_fault(Fault(path="/messages", when="after", status=200, body=json.dumps([record])))
    clock.then = [lambda: receive(box, "of today")]
    assert await drawn(sms, bookmark=tmp_path / "place") == ["of tomorrow", "of today"]
    await receive(box, "later")
    assert await drawn(sms, bookmark=tmp_path / "place") == ["later"]


async def test_incoming_may_begin_at_any_time(box, sms):
    await receive(box, "old")
    first = datetime.min.replace(tzinfo=UTC)
    for since in (first, datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 1, 1, tzinfo=UTC)):
        assert await drawn(sms, since=since) == ["old"]


async def test_incoming_yields_more_than_a_page_of_messages(box, sms, monkeypatch):
    monkeypatch.setattr("smsworks_async.resources._searching.PAGE_SIZE", 4)
    await receive(box, *"abcdefghij")
    assert await drawn(sms) == list("abcdefghij")


async def test_incoming_outlasts_temporary_failures_with_pauses_that_grow(box, sms, clock):
    await receive(box, "one")
    box.add_fault(Fault(path="/messages", nth=1, times=0, status=503, when="before"))

    async def fail_on():
        pass

    async def mend():
        box.clear_faults()

    clock.then = [fail_on, fail_on, fail_on, mend]
    assert await drawn(sms, pause=10) == ["one"]
    assert clock.slept == [20, 40, 60, 60, 10]


async def test_incoming_raises_a_permanent_failure(box, sms):
    box.rotate_token()
    with pytest.raises(NotAuthenticated):
        await anext(sms.messages.incoming())


@pytest.mark.parametrize(
    "kept",
    ["nonsense", "[]", "{}", '{"since": 1, "handled": {}}', '{"since": null, "handled": []}'],
)
async def test_bookmark_that_holds_no_place_is_an_error_and_not_a_new_beginning(
    sms, tmp_path, kept
):
    (tmp_path / "place").write_text(kept)
    with pytest.raises(ConfigurationError, match="no valid position"):
        await anext(sms.messages.incoming(bookmark=tmp_path / "place"))


@pytest.mark.parametrize("options", [{"pause": 0}, {"pause": float("nan")}, {"since": "today"}])
async def test_incoming_refuses_arguments_that_make_no_sense(sms, options):
    with pytest.raises(ValidationError):
        await anext(sms.messages.incoming(**options))


def test_incoming_is_blocking_too_and_resumes(hosted, tmp_path):
    def receive_some(box):
        return asyncio.gather(
            *[box.receive(sender="447700900124", to="60777", content=str(n)) for n in range(3)]
        )

    hosted.do(receive_some)
    place = tmp_path / "place"
    with hosted.client() as sms:
        for number, message in enumerate(sms.messages.incoming(bookmark=place)):
            assert message.content == str(number)
            if number == 1:
                break
    with hosted.client() as sms:
        rest = sms.messages.incoming(bookmark=place)
        assert [next(rest).content, next(rest).content] == ["1", "2"]
        rest.close()


async def replies_of(sms, bookmark):
    async for message in sms.messages.incoming(bookmark=bookmark):
        return message
    return None


@pytest.mark.parametrize("where", ["no folder", "a folder", "cannot be replaced", "read-only"])
async def test_bookmark_that_cannot_be_saved_is_an_error_before_the_first_message(
    box, sms, tmp_path, monkeypatch, where
):
    await box.receive(sender="447700900124", to="60777", content="Yes")
    path = tmp_path / "replies.json"
    if where == "no folder":
        path = tmp_path / "no folder" / "replies.json"
    elif where == "a folder":
        path = tmp_path
    elif where == "cannot be replaced":  # as a file that is mounted singly
        path.write_text('{"since": null, "handled": {}}')

        def busy(*_):
            raise OSError(16, "Device or resource busy")

        monkeypatch.setattr(Path, "replace", busy)
    else:

        def refused(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("smsworks_async.resources._inbox.os.open", refused)
    with pytest.raises(ConfigurationError, match="its folder must exist and be writable"):
        await replies_of(sms, path)


async def test_bookmark_check_leaves_no_file_behind(box, sms, tmp_path):
    await box.receive(sender="447700900124", to="60777", content="Yes")
    path = tmp_path / "replies.json"
    assert (await replies_of(sms, path)).content == "Yes"
    assert list(tmp_path.iterdir()) == []
    bookmark = FileBookmark(path)
    bookmark.save('{"since": null, "handled": {}}')
    assert path.stat().st_mode & 0o777 == 0o600
    assert bookmark.load() == '{"since": null, "handled": {}}'
    assert list(tmp_path.iterdir()) == [path]
