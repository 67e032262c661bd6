import asyncio

from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.errors import JournalError
from smsworks_async.models.opt_outs import OptOutChanges


class SlowList:
    """A list whose reads end on request."""

    def __init__(self):
        self.readings = []
        self.last = 0

    async def changes(self, after):
        seen = self.last
        self.readings.append(reading := asyncio.Future())
        await reading
        return OptOutChanges(seen, [], [])

    async def end(self, error=None):
        while (reading := self.readings.pop(0)).cancelled():
            pass
        reading.set_exception(error) if error else reading.set_result(None)
        await settled()


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_refresh_waits_for_a_reading_that_began_after_the_call():
    opt_outs = SlowList()
    view = OptOutView(opt_outs)
    first = asyncio.create_task(view.refresh())
    await settled()
    opt_outs.last = 5
    others = [asyncio.create_task(view.refresh()) for _ in range(3)]
    await settled()
    await opt_outs.end()
    assert first.done()
    assert not any(other.done() for other in others)
    await opt_outs.end()
    assert all(other.done() for other in others)
    assert view.last == 5
    assert not opt_outs.readings


async def test_refresh_reads_for_itself_where_the_reading_that_it_shared_failed():
    opt_outs = SlowList()
    view = OptOutView(opt_outs)
    calls = [asyncio.create_task(view.refresh()) for _ in range(3)]
    await settled()
    opt_outs.last = 7
    await opt_outs.end(JournalError("no"))
    calls[1].cancel()
    await settled()
    await opt_outs.end()
    await asyncio.wait(calls)
    assert isinstance(calls[0].exception(), JournalError)
    assert calls[1].cancelled()
    assert calls[2].result() is None
    assert view.last == 7


def test_learn_ignores_what_another_task_has_read_meanwhile():
    view = OptOutView(None)
    view.learn(OptOutChanges(3, ["447700900001"], ["447700900002"]))
    view.learn(OptOutChanges(2, ["447700900002"], ["447700900001"]))
    assert view.last == 3
    assert view.is_out("447700900001")
    assert not view.is_out("447700900002")
