"""Records that differ from what was sent, followed by a resend: no recipient is texted twice."""

from __future__ import annotations

import pytest

from smsworks_async.sandbox import Fault
from support.messages import drama
from support.reports import nobody_twice


TEN = drama(10)


LOST = Fault(path="/batch/*", when="after")


FOUND, DOUBTED = (10, 0), (0, 10)


HELLO = "Hello"


KEPT_OTHERWISE = {
    "its last newline is lost": ({"rewrite": "trim"}, "Hello\n", FOUND),
    "its line ends are changed": ({"rewrite": "newlines"}, "Hello\r\nAda", FOUND),
    "its accents are composed": ({"rewrite": "nfc"}, "Cafe\u0301", FOUND),
    "its quotes are made plain": ({"rewrite": "typography"}, "It\u2019s ready\u2026", DOUBTED),
    "its links are shortened": ({"rewrite": "links"}, "See https://acme.example/a", DOUBTED),
    "all of it is changed": (
        {"rewrite": ("trim", "newlines", "nfc", "typography", "links")},
        "\u201cCafe\u0301\u201d\r\nhttps://acme.example/a\n",
        DOUBTED,
    ),
    "its batch is not shown": ({"show_batch_ids": False}, HELLO, DOUBTED),
    "its date is not shown": ({"show_dates": False}, HELLO, FOUND),
    "its batch cannot be read yet": ({"record_lag": 3600.0}, HELLO, DOUBTED),
    "the provider's clock is ahead": ({"clock_skew": 7200.0}, HELLO, FOUND),
    "the provider's clock is behind": ({"clock_skew": -7200.0}, HELLO, FOUND),
    "neither batch nor date is shown, and the text is changed": (
        {"rewrite": "typography", "show_batch_ids": False, "show_dates": False},
        "It\u2019s ready",
        DOUBTED,
    ),
}


@pytest.mark.parametrize("what", KEPT_OTHERWISE)
async def test_a_lost_batch_whose_record_differs_is_found_or_a_trace_and_never_resent(
    what, sms, box, kept
):
    settings, content, (accepted, unknown) = KEPT_OTHERWISE[what]
    box.change_storage(**settings)
    box.add_fault(LOST)
    report = await sms.bulk.send(
        **{**kept, "content": content}, destinations=TEN, on_unknown="resend"
    )
    assert nobody_twice(box)
    assert (report.accepted, report.unknown) == (accepted, unknown)
    assert report.adds_up


MARKED = {
    "trimmed": ({"rewrite": "trim"}, "Hello\n", FOUND),
    "given other line ends": ({"rewrite": "newlines"}, "Hello\r\nAda", FOUND),
    "composed": ({"rewrite": "nfc"}, "Cafe\u0301", FOUND),
    "set in plain quotes": ({"rewrite": "typography"}, "It\u2019s ready", FOUND),
    "shortened in its links": ({"rewrite": "links"}, "See https://acme.example/a", FOUND),
    "shown with its marks": ({"show_metadata": True}, "See https://acme.example/a", FOUND),
    "kept where marks cannot be searched for": (
        {"rewrite": "links", "filter_metadata": False},
        "See https://acme.example/a",
        DOUBTED,
    ),
}


@pytest.mark.parametrize("template", [False, True])
@pytest.mark.parametrize("what", MARKED)
async def test_a_lost_text_for_each_is_found_by_its_marks_though_it_was_kept_otherwise(
    what, template, sms, box, journal
):
    settings, content, (accepted, unknown) = MARKED[what]
    box.change_storage(**settings)
    box.add_fault(LOST)
    rows = [{"destination": number, "name": f"{i}"} for i, number in enumerate(TEN)]
    if template:
        fields = {"template": f"{{name}} {content}", "rows": rows, "sender": "AcmeCorp"}
    else:
        texts = [f"{row['name']} {content}" for row in rows]
        fields = {
            "messages": [
                {"sender": "AcmeCorp", "destination": row["destination"], "content": text}
                for row, text in zip(rows, texts, strict=True)
            ]
        }
    report = await sms.bulk.send_each(**fields, journal=journal, campaign="x", on_unknown="resend")
    assert nobody_twice(box)
    assert (report.accepted, report.unknown) == (accepted, unknown)
