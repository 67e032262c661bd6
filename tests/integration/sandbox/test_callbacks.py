import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from smsworks_async import DeliveryReport, webhooks
from smsworks_async.sandbox import ManualClock, Reporting
from support.wire import BATCH, sandbox


class Application:
    """The account holder's application: it records posts, and responds with given statuses."""

    def __init__(self):
        self.posts = []
        self.statuses = []
        self.url = ""
        self.open = asyncio.Event()
        self.open.set()

    async def take(self, request):
        self.posts.append((request.path, await request.json()))
        await self.open.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def app():
    application = Application()
    server = web.Application()
    server.router.add_post("/{name}", application.take)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    application.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield application
    await runner.cleanup()


@asynccontextmanager
async def reporting(app, **settings):
    async with sandbox(
        delivery_report_url=f"{app.url}/reports", incoming_url=f"{app.url}/incoming", **settings
    ) as api:
        yield api


async def test_a_delivery_report_is_posted_when_a_message_is_final(app):
    async with reporting(app) as api:
        sent = await api.send(destination="447700900534", tag="campaign")
        assert app.posts == []
        await api.box.advance(1)
        [(path, report)] = app.posts
        assert path == "/reports"
        assert report == {
            "_id": "000000000000000000000001",
            "__v": 0,
            "identifier": "7700900534",
            "messageid": sent["messageid"],
            "customerid": api.box.customer_id,
            "sender": "AcmeCorp",
            "destination": 447700900534,
            "content": "Hello",
            "status": "UNDELIVERED",
            "credits": 1,
            "international": False,
            "tag": "campaign",
            "keyword": "",
            "created": "2026-07-01T12:00:00.000Z",
            "modified": "2026-07-01T12:00:01.000Z",
            "schedule": "2026-07-01T12:00:00.000Z",
            "failurereason": {
                "code": 34,
                "details": "The handset reported an error.",
                "permanent": False,
            },
        }


async def test_a_messages_own_url_comes_first_and_without_any_nothing_is_posted(app):
    async with reporting(app) as api:
        await api.send(deliveryreporturl=f"{app.url}/mine")
        await api.box.advance(1)
    async with sandbox() as api:
        await api.send()
        await api.box.receive(sender="447700900124", to="60777", content="Yes")
        await api.box.advance(1)
        assert api.box.posts == []
    assert [path for path, _ in app.posts] == ["/mine"]


async def test_every_message_of_a_batch_has_its_report_failed_ones_too(app):
    async with reporting(app) as api:
        body = {**BATCH, "destinations": ["447700900123", "nobody", "447700900506"]}
        _, answer = await api.post("/batch/send", body)
        await api.box.advance(1)
        statuses = sorted(report["status"] for _, report in app.posts)
        assert statuses == ["DELIVERED", "FAILED", "UNDELIVERED"]
        assert {report["batchid"] for _, report in app.posts} == {answer["batchid"]}


async def test_an_incoming_message_is_posted_and_in_the_inbox(app):
    async with reporting(app) as api:
        number = await api.box.receive(sender="447700900124", to="60777", content="a" * 161)
        assert app.posts == [
            (
                "/incoming",
                {
                    "content": "a" * 161,
                    "from": "447700900124",
                    "messageid": number,
                    "messagetype": "incoming",
                    "to": "60777",
                    "parts": 2,
                },
            )
        ]
        [record] = (await api.post("/messages/inbox", {}))[1]
        assert (record["messageid"], record["destination"]) == (number, 60777)


async def test_a_post_is_repeated_after_a_5xx_until_its_pauses_are_used_up(app):
    async with reporting(app, reporting=Reporting(pauses=(5, 30))) as api:
        app.statuses = [500, 503, 500, 500]
        await api.send()
        await api.box.advance(1)
        assert len(app.posts) == 1
        await api.box.advance(4.9)
        assert len(app.posts) == 1
        await api.box.advance(0.1)
        assert len(app.posts) == 2
        await api.box.advance(3600)
        assert len(app.posts) == 3
        assert [record.status for record in api.box.posts] == [500, 503, 500]
        assert [record.post.attempt for record in api.box.posts] == [0, 1, 2]


async def test_a_post_is_not_repeated_after_anything_else(app):
    async with reporting(app) as api:
        app.statuses = [404]
        await api.send()
        await api.box.advance(3600)
        assert len(app.posts) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://127.0.0.1:99999/"])
async def test_a_url_where_nobody_listens_is_tried_again_and_harms_nobody(url):
    async with sandbox(delivery_report_url=url, reporting=Reporting(pauses=(5,))) as api:
        sent = await api.send()
        await api.box.advance(6)
        assert [record.status for record in api.box.posts] == [None, None]
        assert (await api.record(sent["messageid"]))["status"] == "DELIVERED"


async def test_reports_may_come_twice_late_or_not_at_all(app):
    for copies, delay in ((2, 30.0), (0, 0.0)):
        app.posts.clear()
        async with reporting(app, reporting=Reporting(copies=copies, delay=delay)) as api:
            await api.send()
            await api.box.advance(30.9)
            assert app.posts == []
            await api.box.advance(0.1)
            assert len(app.posts) == copies


@pytest.mark.parametrize("copies", [0, 2])
async def test_incoming_messages_may_come_twice_or_not_at_all(app, copies):
    async with reporting(app, reporting=Reporting(incoming_copies=copies)) as api:
        await api.box.receive(sender="447700900124", to="60777", content="Yes")
        assert len(app.posts) == copies
        assert len((await api.post("/messages/inbox", {}))[1]) == 1


async def test_a_body_may_take_its_time_and_is_whole_in_the_end(app):
    async with reporting(app, reporting=Reporting(duration=0.01)) as api:
        sent = await api.send()
        await api.box.advance(1)
        [(_, report)] = app.posts
        assert report["messageid"] == sent["messageid"]


async def test_reports_may_overtake_each_other(app):
    async with reporting(app, reporting=Reporting(spread=60.0)) as api:
        sent = [(await api.send(content=f"Hello {n}"))["messageid"] for n in range(10)]
        await api.box.advance(61)
        reported = [report["messageid"] for _, report in app.posts]
        assert sorted(reported) == sorted(sent)
        assert reported != sent


async def test_on_the_real_clock_reports_are_posted_and_repeated_by_themselves(app):
    async with reporting(
        app, clock=None, delivery_delay=0.0, reporting=Reporting(pauses=(0.0,))
    ) as api:
        app.statuses = [500]
        await api.send()
        while len(api.box.posts) < 2:
            await api.get("/utils/test")
        assert [record.status for record in api.box.posts] == [500, 200]


async def test_many_reports_are_posted_over_a_few_connections(app):
    async with reporting(app, clock=ManualClock()) as api:
        numbers = [f"4477009{n:05}" for n in range(500)]
        await api.post("/batch/send", {**BATCH, "destinations": numbers})
        await api.box.advance(1)
        assert len(app.posts) == 500


async def test_a_sandbox_ends_at_once_while_nobody_answers_its_posts(app):
    app.open.clear()
    async with reporting(app, clock=None, delivery_delay=0.0) as api:
        await api.send()
        while not app.posts:
            await api.get("/utils/test")
    assert api.box.posts == [], "it was given up, and not waited for until it was over"
    app.open.set()


async def test_a_report_shows_no_metadata_and_its_documentation_says_so(app):
    async with reporting(app) as api:
        metadata = [{"key": "order", "value": "1234"}]
        sent = await api.send(destination="447700900534", metadata=metadata)
        await api.box.advance(1)
        [(_, posted)] = app.posts
        report = webhooks.parse(json.dumps(posted))
        assert (report.message_id, report.metadata) == (sent["messageid"], {})
    assert "`metadata`" in DeliveryReport.__doc__
    assert "``message_id``" in DeliveryReport.__doc__  # to be used instead
