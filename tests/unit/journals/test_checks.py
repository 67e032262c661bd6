"""The errors for a campaign's name that is used with other arguments."""

from __future__ import annotations

import attrs
import pytest

from smsworks_async import SendWindow, ValidationError
from smsworks_async.journals.checks import check_campaign
from smsworks_async.journals.records import Campaign


KEPT = Campaign(
    id="spring",
    kind="send",
    message={
        "sender": "447700900123",
        "content": "Your code is 4711",
        "deliveryreporturl": "https://example.org/a-secret",
        "tag": "Ada 07700 900124",
        "ttl": 60,
    },
    chunk_size=500,
    deduplicate=True,
    window=SendWindow("09:00", "20:00"),
)
NO_CONTENT = {name: value for name, value in KEPT.message.items() if name != "content"}


def refusal(kept=KEPT, **changes):
    """Return the words and the field of the error for a campaign with other arguments."""
    message = {**kept.message, **changes.pop("message", {})}
    given = attrs.evolve(kept, message=message, **changes)
    with pytest.raises(ValidationError) as caught:
        check_campaign(kept, given)
    words, _, advice = str(caught.value).partition("; ")
    assert words.startswith("campaign 'spring' ")
    assert "new campaign name" in advice or "bulk.resume" in advice
    return words.removeprefix("campaign 'spring' "), caught.value.field


@pytest.mark.parametrize(
    ("changes", "words", "field"),
    [
        (
            {"chunk_size": 7},
            "was begun with chunk_size=500, and this call has chunk_size=7",
            "chunk_size",
        ),
        (
            {"deduplicate": False},
            "was begun with deduplicate=True, and this call has deduplicate=False",
            "deduplicate",
        ),
        (
            {"at": 1_900_000_000.0},
            "was begun with at=None, and this call has at=2030-03-17T17:46:40+00:00",
            "at",
        ),
        (
            {"kind": "template"},
            "was begun by bulk.send, and this call is bulk.send_each with a template",
            "kind",
        ),
        ({"message": {"ttl": 5}}, "was begun with ttl=60, and this call has ttl=5", "ttl"),
        (
            {"message": {"validity": 20}},
            "was begun with validity=None, and this call has validity=20",
            "validity",
        ),
        (
            {"message": {"sender": "AcmeCorp"}},
            "was begun with sender=…123, and this call has sender=AcmeCorp",
            "sender",
        ),
        (
            {"message": {"content": "Your code is 4712"}},
            "was begun with another content, which differs from character 17",
            "content",
        ),
        ({"message": {"tag": "Bob"}}, "was begun with another tag", "tag"),
        (
            {"message": {"deliveryreporturl": "https://example.org/another"}},
            "was begun with another delivery_report_url",
            "delivery_report_url",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_check_campaign_names_what_it_was_begun_with_and_what_it_has_now(changes, words, field):
    assert refusal(**changes) == (words, field)


def test_check_campaign_calls_the_text_of_a_template_by_its_argument():
    kept = attrs.evolve(KEPT, kind="template", message={**NO_CONTENT, "content": "Hi {name}"})
    assert refusal(kept, message={"content": "Hello {name}"}) == (
        "was begun with another template, which differs from character 2",
        "template",
    )


def test_check_campaign_quotes_no_text_number_or_address():
    for name in ("content", "tag", "deliveryreporturl", "sender"):
        words, _ = refusal(message={name: "other"})
        for part in ("4711", "900123", "900124", "Ada", "a-secret"):
            assert part not in words


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (SendWindow("10:00", "20:00"), "10:00 to 20:00, Europe/London, every day, outside=wait"),
        (
            SendWindow("09:00", "20:00", days="mon-wed"),
            "09:00 to 20:00, Europe/London, mon,tue,wed, outside=wait",
        ),
        (
            SendWindow("09:00", "20:00", outside="stop"),
            "09:00 to 20:00, Europe/London, every day, outside=stop",
        ),
    ],
)
def test_check_campaign_says_how_sending_windows_differ(window, words):
    said, field = refusal(window=window)
    assert field == "window"
    before, _, now = said.partition(", but ")
    assert (
        before == "has the sending window (09:00 to 20:00, Europe/London, every day, outside=wait)"
    )
    assert now == f"this call has the window ({words})"


def test_check_campaign_refuses_a_window_where_there_is_none():
    said, _ = refusal(attrs.evolve(KEPT, window=None), window=SendWindow("09:00", "20:00"))
    assert said.startswith("has no sending window, but this call has the window (09:00 to 20:00, ")


def test_check_campaign_accepts_the_same_arguments_and_no_window():
    check_campaign(KEPT, KEPT)
    check_campaign(KEPT, attrs.evolve(KEPT, window=None))
