"""The effects of `Storage` on texts and records in responses."""

import attrs
import pytest

from smsworks_async.sandbox import Sandbox, Storage
from support.wire import BATCH, MESSAGE, at, sandbox


START = "Wed Jul 01 2026 13:00:00 GMT+0100 (BST)"


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def stored(api, content, **fields):
    sent = await api.send(content=content, **fields)
    return (await api.record(sent["messageid"]))["content"]


@pytest.mark.parametrize(
    ("rewrite", "content", "expected"),
    [
        ("trim", " \n Hello you \r\n", "Hello you"),
        ("newlines", "One\r\nTwo\rThree\n", "One\nTwo\nThree\n"),
        (
            "typography",
            "\u2018a\u2019 \u201cb\u201d c\u2013d\u2014e\u2026\u00a0f",
            "'a' \"b\" c-d-e... f",
        ),
        ("nfc", "Cafe\u0301", "Caf\u00e9"),
        ("links", "See https://acme.example/a?b=c#d.", "See https://s.example/663950e."),
        (("typography", "trim"), "Hello\u00a0", "Hello"),
        ((), " Cafe\u0301…\r\n", " Cafe\u0301…\r\n"),
    ],
)
async def test_a_text_is_stored_changed(rewrite, content, expected):
    async with sandbox(storage=Storage(rewrite=rewrite)) as api:
        assert await stored(api, content) == expected
        batch = {**BATCH, "content": content}
        _, answer = await api.post("/batch/send", batch)
        _, records = await api.get(f"/batch/{answer['batchid']}")
        assert {record["content"] for record in records} == {expected}
        _, answer = await api.post("/batch/any", [{**MESSAGE, "content": content}])
        _, records = await api.get(f"/batch/{answer['batchid']}")
        assert [record["content"] for record in records] == [expected]
        _, found = await api.post("/messages", {})
        assert {record["content"] for record in found} == {expected}
        await api.post("/batch/schedule", {**batch, "schedule": at(api, hours=1)})
        [job] = (await api.get("/messages/schedule"))[1]
        assert job["message"]["content"] == expected


async def test_two_links_are_shortened_to_two_and_one_to_one():
    async with sandbox(storage=Storage(rewrite="links")) as api:
        short = await stored(api, "http://a.example/1 http://a.example/2 http://a.example/1")
    first, second, third = short.split()
    assert first == third != second


async def test_what_is_priced_is_the_text_as_it_was_sent():
    async with sandbox(storage=Storage(rewrite="trim")) as api:
        assert (await api.send(content="a" + " " * 160))["creditsUsed"] == 2


async def test_the_flooding_filter_goes_by_the_stored_text():
    async with sandbox(storage=Storage(rewrite="trim")) as api:
        for count in range(6):
            await api.send(content="Hello" + " " * count)
        assert (await api.post("/message/send", MESSAGE))[1]["errorCode"] == 5020


async def test_a_report_is_made_of_the_stored_text(api):
    api.box.change_storage(rewrite="trim", show_dates=False, show_batch_ids=False)
    await api.post(
        "/batch/send", {**BATCH, "content": "Hi ", "deliveryreporturl": "http://[::1]:1/"}
    )
    await api.box.advance(1)
    post = api.box.posts[0].post
    assert post.payload["content"] == "Hi"
    assert {"batchid", "created", "modified", "schedule"} < post.payload.keys()


async def test_records_may_lag_behind():
    async with sandbox(storage=Storage(record_lag=30)) as api:
        sent = await api.send()
        _, batch = await api.post("/batch/send", BATCH)
        await api.box.advance(29.9)
        for method in ("GET", "DELETE"):
            status, answer = await api.call(method, f"/messages/{sent['messageid']}")
            assert (status, answer["errorCode"]) == (400, 4008)
        assert (await api.get(f"/batch/{batch['batchid']}"))[0] == 404
        assert len((await api.post("/messages", {}))[1]) == 3  # which have a separate lag
        await api.box.advance(0.1)
        assert (await api.get(f"/messages/{sent['messageid']}"))[0] == 200
        assert len((await api.get(f"/batch/{batch['batchid']}"))[1]) == 2
    assert api.box.accepted() == 3


async def test_the_list_of_what_is_scheduled_lags_as_searches_do():
    async with sandbox(search_lag=30) as api:
        assert api.box.storage == Storage(search_lag=30)
        await api.post("/message/schedule", {**MESSAGE, "schedule": at(api, hours=1)})
        assert (await api.get("/messages/schedule"))[1] == []
        await api.box.advance(30)
        assert len((await api.get("/messages/schedule"))[1]) == 1


async def test_records_may_show_no_batch_ids_and_no_dates():
    async with sandbox(storage=Storage(show_batch_ids=False)) as api:
        _, batch = await api.post("/batch/send", BATCH)
        records = (await api.get(f"/batch/{batch['batchid']}"))[1]
        records += (await api.post("/messages", {}))[1]
        assert len(records) == 4
        assert not any("batchid" in record for record in records)
        assert all(record["created"] == START for record in records)
        api.box.change_storage(show_batch_ids=True, show_dates=False)
        records = (await api.get(f"/batch/{batch['batchid']}"))[1]
        assert [record["batchid"] for record in records] == [batch["batchid"]] * 2
        for name in ("created", "modified", "schedule"):
            assert not any(name in record for record in records)


async def test_metadata_is_shown_only_when_told_to(api):
    pairs = [{"key": "k", "value": "v"}]
    sent = await api.send(metadata=pairs)
    assert "metadata" not in await api.record(sent["messageid"])
    api.box.change_storage(show_metadata=True)
    assert (await api.record(sent["messageid"]))["metadata"] == pairs
    assert [r["metadata"] for r in (await api.post("/messages", {}))[1]] == [pairs]


async def test_a_filter_by_metadata_may_be_passed_over(api):
    await api.send(metadata=[{"key": "k", "value": "v"}])
    query = {"metadata": [{"key": "k", "value": "nobody's"}]}
    assert (await api.post("/messages", query))[1] == []
    api.box.change_storage(filter_metadata=False)
    assert len((await api.post("/messages", query))[1]) == 1
    assert (await api.post("/messages", {**query, "sender": "Other"}))[1] == []


@pytest.mark.parametrize(
    ("skew", "shown", "iso"),
    [
        (90, "Wed Jul 01 2026 13:01:30 GMT+0100 (BST)", "2026-07-01T12:01:31.000Z"),
        (-90.0, "Wed Jul 01 2026 12:58:30 GMT+0100 (BST)", "2026-07-01T11:58:31.000Z"),
    ],
)
async def test_the_providers_clock_may_be_ahead_or_behind(skew, shown, iso):
    async with sandbox(
        storage=Storage(clock_skew=skew), delivery_report_url="http://[::1]:1/"
    ) as api:
        sent = await api.send()
        record = await api.record(sent["messageid"])
        assert (record["created"], record["modified"], record["schedule"]) == (shown,) * 3
        since, before = (at(api, seconds=skew - moment) for moment in (0, 1))
        assert len((await api.post("/messages", {"from": since, "to": since}))[1]) == 1
        assert (await api.post("/messages", {"to": before}))[1] == []
        await api.box.advance(1)
        assert api.box.posts[0].post.payload["modified"] == iso
        fields = {"sender": "AcmeCorp", "destination": "447700900124"}
        _, code = await api.post("/otp/send", fields)
        _, answer = await api.get(f"/otp/{code['messageid']}")
        assert answer["created"].startswith(shown[:19])
        moment = at(api, hours=1)
        _, [job] = await api.post("/message/schedule", {**MESSAGE, "schedule": moment})
        scheduled = await api.record(job["messageid"])
        assert scheduled["created"].startswith(shown[:19])
        assert scheduled["schedule"] == "Wed Jul 01 2026 14:00:01 GMT+0100 (BST)"


async def test_a_change_counts_from_the_next_request_on_and_a_reset_takes_it_back():
    first = Storage(rewrite="trim")
    async with sandbox(storage=first) as api:
        sent = await api.send(content="Hi ")
        assert api.box.change_storage(rewrite=()) == Storage() == api.box.storage
        assert (await api.record(sent["messageid"]))["content"] == "Hi"
        assert await stored(api, "Hi ") == "Hi "
        api.box.reset()
        assert api.box.storage == first
        assert await stored(api, "Hi ") == "Hi"


async def test_another_process_changes_it(api):
    status, answer = await api.post("sandbox/storage", {"rewrite": ["trim"], "record_lag": 5})
    expected = Storage(rewrite=("trim",), record_lag=5)
    assert (status, answer) == (200, {**attrs.asdict(expected), "rewrite": ["trim"]})
    assert api.box.storage == expected
    assert (await api.post("sandbox/storage", {"record_lag": 0}))[1]["rewrite"] == ["trim"]
    assert await stored(api, "Hi ") == "Hi"


WRONG = [
    {"colour": "red"},
    {"rewrite": "upper"},
    {"rewrite": 5},
    {"rewrite": None},
    {"search_lag": -1},
    {"record_lag": "5"},
    {"record_lag": True},
    {"clock_skew": None},
    {"show_dates": 1},
    {"filter_metadata": "no"},
]


@pytest.mark.parametrize("wrong", [*WRONG, [], 5, None])
async def test_what_is_no_setting_is_refused_whole(api, wrong):
    body = {"show_metadata": True, **wrong} if isinstance(wrong, dict) else wrong
    headers = {"Content-Type": "application/json"}
    status, answer = await api.post("sandbox/storage", body, headers=headers)
    assert (status, list(answer)) == (400, ["message"])
    assert api.box.storage == Storage()


@pytest.mark.parametrize("wrong", [*WRONG[1:], {"record_lag": float("nan")}])
def test_a_value_that_a_setting_cannot_have_is_refused_at_once(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Storage(**wrong)


def test_a_lag_below_nothing_is_refused_at_once():
    with pytest.raises(ValueError, match="search_lag"):
        Sandbox(search_lag=-1)
