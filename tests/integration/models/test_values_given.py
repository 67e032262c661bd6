"""What applications really pass: each case once texted someone wrongly, twice, or not at all."""

from __future__ import annotations

import enum
import threading

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

from smsworks_async import ValidationError
from smsworks_async.journals import MemoryJournal
from smsworks_async.sandbox import Fault
from support.messages import TEXT, TEXT_TO_MANY, drama


class Words(str, enum.Enum):  # noqa: UP042 - whose `str` is another
    SENDER = "AcmeCorp"
    REMINDER = "Your table is booked"
    NUMBER = "07700 900123"
    CAMPAIGN = "opening"


# Text


@pytest.mark.parametrize("each", [False, True])
async def test_an_enum_as_text_is_found_again_and_nobody_is_texted_twice(box, sms, journal, each):
    box.add_fault(Fault(path="/batch/*", when="after"))
    more = {"journal": journal, "campaign": Words.CAMPAIGN, "settle": 0, "on_unknown": "resend"}
    text = {"sender": Words.SENDER, "content": Words.REMINDER}
    if each:
        messages = [{**text, "destination": n} for n in drama(10)]
        report = await sms.bulk.send_each(messages=messages, **more)
    else:
        report = await sms.bulk.send(**text, destinations=drama(10), **more)
    assert (report.accepted, report.unknown, box.accepted()) == (10, 0, 10)
    assert {message.content for message in box.messages} == {"Your table is booked"}
    assert (await sms.bulk.status("opening", journal=journal)).accepted == 10


async def test_an_enum_is_measured_searched_for_and_sent_by_its_characters(box, sms, wire):
    assert (
        await sms.bulk.estimate(content=Words.REMINDER, destinations=drama(1), balance=False)
    ).segments == 1
    await sms.messages.send(
        sender=Words.SENDER,
        destination=Words.NUMBER,
        content=Words.REMINDER,
        reference=Words.NUMBER,
    )
    assert len(await sms.messages.search(sender=Words.SENDER, destination=Words.NUMBER)) == 1
    assert await sms.messages.find(reference=Words.NUMBER) is not None
    assert wire[0][1]["content"] == "Your table is booked"


async def test_markup_as_a_template_escapes_nothing(box, sms):
    rows = [{"destination": "07700 900001", "name": "O'Neil & <Sons>"}]
    await sms.bulk.send_each(template=Markup("Hi {name}"), rows=rows, sender="AcmeCorp")
    assert [message.content for message in box.messages] == ["Hi O'Neil & <Sons>"]


@pytest.mark.parametrize("names", [("Caf\u00e9", "Cafe\u0301"), ("Opening", " Opening\n")])
async def test_names_of_campaigns_that_look_alike_are_one(box, sms, journal, names):
    for name in names:
        report = await sms.bulk.send(
            **TEXT_TO_MANY, destinations=drama(10), journal=journal, campaign=name
        )
        assert report.accepted == 10
    assert box.accepted() == 10
    assert (await sms.bulk.status(names[1], journal=journal)).accepted == 10
    assert len([one async for one in sms.bulk.outcomes(names[1], journal=journal)]) == 10


async def test_blanks_of_pandas_are_missing(box, sms, wire):
    frame = pd.DataFrame(
        {
            "destination": [7700900001.0, 7700900002.0, 7700900003.0, None, 7700900005.0],
            "name": ["Ada", None, np.nan, "Kay", pd.NA],
            "order": [1.0, 2.0, None, 4.0, 5.0],
            "when": [pd.Timestamp("2031-05-06 08:30"), pd.NaT, pd.NaT, pd.NaT, pd.NaT],
            "tag": [np.nan, np.nan, "t", "t", "t"],
        }
    )
    rows = frame.to_dict("records")
    report = await sms.bulk.send_each(
        template="Hi {name}, your order comes {when}", rows=rows, sender="AcmeCorp"
    )
    assert (report.accepted, report.invalid) == (1, 4)
    assert [problem.field for problem in report.problems] == ["name", "name", "when", "name"]
    assert box.messages[0].content == "Hi Ada, your order comes 2031-05-06 08:30:00"
    messages = [
        {"sender": "AcmeCorp", "content": "Hello", "destination": r["destination"], "tag": r["tag"]}
        for r in rows
    ]
    report = await sms.bulk.send_each(messages=messages)
    assert (report.accepted, report.invalid) == (4, 1)
    assert report.problems[0].field == "destination"
    assert "tag" not in wire[-1][1][0]


NOT_FOR_TEXTS = {
    "bytes": b"Ada",
    "an enum": enum.Enum("Colour", "RED").RED,
    "a bound method": "Ada".upper,
    "a list": ["Ada"],
    "an object": object(),
    "a truth value": True,
    "NaN": float("nan"),
    "infinity": float("inf"),
}


@pytest.mark.parametrize("value", NOT_FOR_TEXTS.values(), ids=NOT_FOR_TEXTS)
async def test_what_no_text_should_show_makes_the_row_invalid_and_names_its_type(box, sms, value):
    report = await sms.bulk.send_each(
        template="Hi {name}",
        rows=[{"destination": "07700 900001", "name": value}],
        sender="AcmeCorp",
    )
    assert (report.invalid, box.requests) == (1, [])
    problem = report.problems[0]
    assert problem.field == "name"
    if not isinstance(value, float):
        assert type(value).__name__ in problem.message
    assert "Ada" not in problem.message


class Lazily:
    """A translation into the language of the thread that asks for it."""

    def __init__(self):
        self.language = threading.local()
        self.language.words = "Bonjour"

    def __str__(self):
        return getattr(self.language, "words", "Hello")

    def encode(self):
        return str(self).encode()


def test_a_lazy_translation_speaks_the_language_of_its_callers_thread(hosted, wire):
    lazy = Lazily()
    message = {"sender": "AcmeCorp", "destination": "07700 900001", "content": lazy}
    with hosted.client() as sms:
        sms.messages.send(**message)
        sms.batches.send(sender="AcmeCorp", destinations=drama(1), content=lazy)
        sms.batches.send_each(messages=[message])
        sms.bulk.send(sender="AcmeCorp", destinations=drama(1), content=lazy)
        sms.bulk.send_each(messages=[message])
        sms.bulk.send_each(messages=iter([message]))
        row = {"destination": "07700 900001", "greeting": lazy}
        sms.bulk.send_each(template="{greeting}", rows=[row], sender="AcmeCorp")
        list(sms.messages.iterate(tag=lazy))
    assert hosted.do(lambda box: {m.content for m in box.messages}) == {"Bonjour"}
    assert wire[-1][1]["tag"] == "Bonjour"


# Numbers


async def test_odd_numbers_are_errors_of_ours(box, sms):
    huge = 10**400
    for call in (
        lambda: sms.messages.wait("1", timeout="5"),
        lambda: sms.messages.wait("1", timeout=huge),
        lambda: sms.messages.wait("1", timeout=float("inf")),
        lambda: anext(sms.messages.incoming(pause=huge)),
        lambda: anext(sms.messages.incoming(pause=float("nan"))),
        lambda: sms.messages.search(credits=huge),
        lambda: sms.messages.search(limit=huge),
        lambda: sms.messages.search(skip=-huge),
        lambda: sms.messages.get(huge),
        lambda: sms.messages.send(**TEXT, ttl=huge),
        lambda: sms.utils.error(huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_rate=huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_credits=huge),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), max_credits=float("nan")),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), concurrency=True),
        lambda: sms.bulk.send(**TEXT_TO_MANY, destinations=drama(1), settle=float("inf")),
        lambda: sms.bulk.reconcile("x", journal=MemoryJournal(), settle=huge),
    ):
        with pytest.raises(ValidationError) as caught:
            await call()
        assert "00000000" not in str(caught.value)
    assert box.requests == []
