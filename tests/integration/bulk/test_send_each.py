"""Messages with their own texts, and their cost."""

from __future__ import annotations

import pytest

from smsworks_async import (
    AsyncSMSWorks,
    ValidationError,
)
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault, Sandbox
from support.messages import TEXT_TO_MANY as TEXT
from support.messages import drama


async def test_send_each_fills_a_template_for_each_and_names_bad_rows(box, sms):
    rows = [
        {"destination": "07700 900001", "first_name": "Ada", "when": 8},
        {"destination": "07700 900002", "first_name": None, "when": 8},
        {"destination": "07700 900003", "when": 8},
        {"first_name": "Alan", "when": 8},
        "07700 900004",
        {"destination": "nobody", "first_name": "Kay", "when": 9},
        {"destination": "07700 900005", "first_name": "Kay", "when": 9, "more": "ignored"},
    ]
    report = await sms.bulk.send_each(
        template="Hi {first_name}, at {when} {{sharp}}", rows=rows, sender="AcmeCorp", tag="t"
    )
    assert report.accepted == 2
    assert [(p.position, p.field) for p in report.problems] == [
        (1, "first_name"),
        (2, "first_name"),
        (3, "destination"),
        (4, "row"),
        (5, "destination"),
    ]
    assert [(m.content, m.tag, m.ai) for m in box.messages] == [
        ("Hi Ada, at 8 {sharp}", "t", False),
        ("Hi Kay, at 9 {sharp}", "t", False),
    ]


async def test_send_each_continues_a_template_from_the_journal(box, sms, journal):
    rows = [{"destination": n, "name": f"N{n[-3:]}"} for n in drama(30)]
    more = {"template": "Hi {name}", "sender": "AcmeCorp", "journal": journal, "campaign": "x"}
    box.add_fault(Fault(path="/batch/any", nth=2, error_code=4021))
    first = await sms.bulk.send_each(rows=rows, chunk_size=10, concurrency=1, **more)
    assert (first.accepted, first.rejected, first.not_sent) == (10, 10, 10)
    second = await sms.bulk.send_each(chunk_size=10, **more)
    assert second.accepted == box.accepted() == 30
    assert {m.content for m in box.messages} == {f"Hi N{n:03d}" for n in range(30)}


@pytest.mark.parametrize(
    "template",
    ["{0}", "{}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a:{b}}", "{", "}", "{a b}", 5],
)
async def test_send_each_refuses_a_template_with_more_than_names(sms, template):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send_each(template=template, rows=[], sender="AcmeCorp")
    assert caught.value.field == "template"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"template": "Hi", "rows": []}, "sender"),
        ({"messages": [], "sender": "AcmeCorp"}, "sender"),
        ({"template": "Hi", "messages": [], "sender": "AcmeCorp"}, "messages"),
        ({"template": "Hi", "sender": "AcmeCorp"}, "rows"),
        ({"template": "Hi", "sender": "A", "rows": []}, "sender"),
        ({}, "messages"),
        ({"messages": [], "journal": "x.db"}, "campaign"),
        ({"messages": [], "campaign": "x"}, "journal"),
        ({"messages": [], "journal": "x.db", "campaign": ""}, "campaign"),
        ({"messages": [], "on_unknown": "resend"}, "on_unknown"),
        ({"messages": [], "on_unknown": "guess"}, "on_unknown"),
        ({"messages": [], "settle": -1}, "settle"),
        ({"messages": iter([]), "require_balance": True}, "require_balance"),
    ],
)
async def test_send_each_refuses_bad_arguments(box, sms, given, field):
    with pytest.raises(ValidationError) as caught:
        await sms.bulk.send_each(**given)
    assert caught.value.field == field
    assert box.requests == []


async def test_estimate_returns_what_a_send_would_cost_and_sends_nothing(box):
    async with AsyncSMSWorks(box.token, base_url=box.base_url, international=True) as sms:
        await _estimates(box, sms)


async def _estimates(box, sms):
    found = await sms.bulk.estimate(
        content="Your table is booked \u2013 see you at eight, and bring all your friends along",
        destinations=[*drama(10), "07700900000", "nobody", "+33123456789"],
    )
    assert (found.recipients, found.invalid, found.duplicates) == (11, 1, 1)
    assert (found.segments, found.credits, found.credits_as_gsm) == (22, 24.0, 12.0)
    assert (found.unicode, found.offenders, found.saved_by_gsm) == (11, {"\u2013": 11}, 12.0)
    assert (found.balance, found.affordable) == (10_000.0, True)
    rows = [{"destination": n, "name": name} for n, name in zip(drama(2), "ĉb", strict=True)]
    found = await sms.bulk.estimate(template="Hi {name}", rows=rows, balance=False)
    assert (found.recipients, found.unicode, found.offenders) == (2, 1, {"ĉ": 1})
    assert (found.balance, found.affordable) == (None, None)
    messages = [{**TEXT, "destination": n, "content": "x" * 161} for n in drama(3)]
    assert (await sms.bulk.estimate(messages=messages)).credits == 6.0
    asked = ["/credits/FR", "/credits/balance", "/credits/balance"]
    assert [record.path for record in box.requests] == asked
    for wrong in ({}, {"content": "x"}, {"content": "x", "messages": []}, {"template": "x"}):
        with pytest.raises(ValidationError):
            await sms.bulk.estimate(**wrong)


@pytest.mark.parametrize("journalled", [False, True])
@pytest.mark.parametrize("option", [{"max_credits": 39}, {"require_balance": True}])
async def test_send_each_that_costs_too_much_is_refused_before_the_first_request(
    journalled, option
):
    async with Sandbox(credits=39) as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        more = {"journal": MemoryJournal(), "campaign": "x"} if journalled else {}
        with pytest.raises(ValidationError) as caught:
            await sms.bulk.send(**TEXT, destinations=drama(40), **option, **more)
        assert caught.value.field == next(iter(option))
        assert "about 40 credits" in str(caught.value)
        assert box.accepted() == 0
        box.credits = 40
        if "max_credits" in option:
            option = {"max_credits": 40}
        report = await sms.bulk.send(**TEXT, destinations=drama(40), **option, **more)
        assert report.accepted == 40


async def test_send_each_names_a_blank_cell_and_a_byte_order_mark(box, sms):
    rows = [
        {"destination": "07700 900001", "name": "  "},
        {"destination": "07700 900002", "name": ""},
        {"destination": "07700 900003", "\ufeffname": "Ada"},
    ]
    report = await sms.bulk.send_each(template="Hi {name}", rows=rows, sender="AcmeCorp")
    assert (report.invalid, box.requests) == (3, [])
    assert "utf-8-sig" in report.problems[2].message
    assert "utf-8-sig" not in report.problems[0].message


def filling_one_dict_again(key, texts):
    row = {"sender": "AcmeCorp"} if key == "content" else {}
    for number, text in zip(drama(len(texts)), texts, strict=True):
        row["destination"] = number
        row[key] = text
        yield row


async def awaited(values):
    for value in values:
        yield value


TEXTS = [f"Hello {n}" for n in range(5)]
NAMES = [f"{n}" for n in range(5)]


@pytest.mark.parametrize(
    "fields",
    [
        lambda: {"messages": filling_one_dict_again("content", TEXTS)},
        lambda: {"messages": awaited(filling_one_dict_again("content", TEXTS))},
        lambda: {
            "rows": filling_one_dict_again("name", NAMES),
            "template": "Hello {name}",
            "sender": "AcmeCorp",
        },
    ],
)
@pytest.mark.parametrize("deduplicate", [True, False])
async def test_send_each_takes_a_generator_that_fills_the_same_dict_again(
    box, sms, fields, deduplicate
):
    report = await sms.bulk.send_each(**fields(), deduplicate=deduplicate)
    assert report.accepted == 5
    assert sorted(m.content for m in box.messages) == TEXTS
    assert len({m.destination for m in box.messages}) == 5


async def test_estimate_takes_a_generator_that_fills_the_same_dict_again(sms):
    found = await sms.bulk.estimate(messages=filling_one_dict_again("content", TEXTS))
    assert (found.recipients, found.duplicates) == (5, 0)
