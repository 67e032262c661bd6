"""The page of a campaign's report, which is a pure function of its facts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import SendWindow
from smsworks_async.cli._report import axes
from smsworks_async.cli._report.charts import Line, Part, bars, over_time, parts_bar, thinned
from smsworks_async.cli._report.facts import (
    BatchFacts,
    CampaignFacts,
    Delivery,
    Failure,
    Trouble,
    grown,
)
from smsworks_async.cli._report.markup import escape, tag
from smsworks_async.cli._report.page import render
from smsworks_async.models.report import BulkStatus


BEGUN = datetime(2031, 5, 4, 8, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
HOSTILE = "<script>alert(1)</script>&\"'</style><!--\x00\x1b[31m\u202e\ud800"


def series(count, seconds=60):
    return grown((BEGUN.timestamp() + n * seconds, 1) for n in range(count))


def facts(status=None, **more):
    counts = {"read": 120, "accepted": 100, "rejected": 5, "unknown": 5, "invalid": 4}
    given = {
        "status": BulkStatus(
            campaign="2031-05-opening", planned=True, duplicates=3, opted_out=3, **counts
        )
        if status is None
        else status,
        "made": BEGUN + timedelta(hours=5),
        "zone": LONDON,
        "zone_name": "Europe/London",
        "begun": BEGUN,
        "sender": "AcmeCorp",
        "content": "We open at nine",
        "credits": 100.0,
        "accepted": series(100),
        "opted_out": series(3),
        "failures": (
            Failure(stage="rejected", reason="4006 The text is refused.", count=5),
            Failure(stage="set aside", reason="it contains letters", count=4),
            Failure(stage="not delivered", reason="5001 Nobody has it.", count=8),
        ),
        "troubles": (
            Trouble(position=6, number="447700900123", outcome="rejected", reason="4006"),
        ),
        "troubles_left_out": 1234,
        "batches": (
            BatchFacts(number=0, size=100, outcome="accepted", attempts=1, batch_id="b1", at=BEGUN),
        ),
        "delivery": Delivery(
            delivered=80,
            failed=8,
            waiting=12,
            over_time=series(80),
            credits_delivered=80.0,
            credits_failed=8.0,
            credits_waiting=12.0,
        ),
    }
    return CampaignFacts(**{**given, **more})


class Page(HTMLParser):
    """A parsed page: its elements, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self._style = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        self._style = tag == "style"
        if tag not in {"meta", "rect", "line", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._style = False

    def handle_data(self, data):
        if not self._style:
            self.text += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def words(page):
    return " ".join(Page(page).text.split())


def test_render_shows_what_became_of_a_campaign():
    text = words(render(facts()))
    for shown in (
        "2031-05-opening",
        "running",
        "Times are in Europe/London.",
        "Delivered over time",
        "Failures by reason",
        "5001 Nobody has it.",
        "AcmeCorp",
        "We open at nine",
        "4 May 2031, 09:00:00",
        "100 credits, according to the provider's records; the same was estimated",
        "And 1,234 more",
    ):
        assert shown in text, shown


def test_render_closes_every_element_that_it_opens():
    assert Page(render(facts())).open == []


def test_render_refers_to_nothing_else():
    page = render(facts())
    read = Page(page)
    assert not {"script", "img", "link", "iframe", "a", "form", "object"} & set(read.tags)
    urls = {value for _, _, value in read.attributes if value and "://" in value}
    assert urls == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\(|@import|@font-face", page)
    assert ("meta", "http-equiv", "Content-Security-Policy") in read.attributes
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]


def hostile(value):
    """Return facts with hostile text in every string."""
    if attrs.has(type(value)):
        changes = {
            field.name: hostile(getattr(value, field.name))
            for field in attrs.fields(type(value))
            if field.name != "control"
        }
        return attrs.evolve(value, **changes)
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    return HOSTILE if isinstance(value, str) else value


def test_render_escapes_everything():
    plain = Page(render(facts()))
    page = render(hostile(facts()))
    read = Page(page)
    assert read.open == []
    assert set(read.tags) == set(plain.tags)
    assert {(tag, name) for tag, name, _ in read.attributes} <= {
        (tag, name) for tag, name, _ in plain.attributes
    }
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
    page.encode()


@given(st.text())
def test_escape_keeps_text_apart_from_markup(text):
    escaped = escape(text)
    assert not set("<>\"'") & set(escaped)
    assert Page(tag("p", text, title=text)).tags == ["p"]


def test_render_masks_numbers_unless_asked():
    assert "…123" in words(render(facts()))
    assert "447700900123" not in render(facts())
    assert "447700900123" in words(render(facts(), numbers=True))
    assert "protect it like the list of recipients" in words(render(facts(), numbers=True))


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"delivery": None, "not_asked": "--offline was given."}, "--offline was given."),
        ({"accepted_twice": 7}, "7 texts were accepted a second time"),
        ({"list_is_elsewhere": True, "opted_out": ()}, "list that is not in its journal"),
        ({"opted_out": ()}, "No recipient of the text has opted out"),
        ({"accepted": (), "delivery": None}, "Nothing has been accepted yet."),
        ({"failures": ()}, "There were none."),
        ({"credits": 120.0}, "120 were estimated"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_render_says_what_is_missing_or_amiss(changes, shown):
    assert shown in words(render(facts(**changes)))


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"control": "paused", "why": "the price"}, "The campaign is paused: the price"),
        ({"in_flight": 7}, "The text is being sent to 7 recipients."),
        ({"not_sent": 9}, "The text has not been sent to 9 recipients yet."),
        ({"unknown": 2}, "To find out, run smsworks campaign reconcile"),
        ({"forgotten": BEGUN}, "Its numbers and texts were erased"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_render_warns_of_what_is_open(changes, shown):
    status = BulkStatus(campaign="x", planned=True, **changes)
    assert shown in words(render(facts(status)))


def test_render_shows_the_settings_of_a_campaign():
    window = SendWindow("09:00", "20:00", days="mon-wed")
    status = BulkStatus(
        campaign="x", planned=True, window=window, at=BEGUN, rounds=2, sent_again=1500
    )
    text = words(render(facts(status)))
    assert "Sending hours 09:00 to 20:00, Europe/London (mon, tue, wed)" in spaced(text)
    assert "Due 4 May 2031, 09:00:00" in spaced(text)
    assert "2 times; 1,500 accepted" in text


def spaced(text):
    """Insert spaces after the names of settings, which are in separate elements."""
    return text.replace("hours09", "hours 09").replace("Due4", "Due 4")


def test_render_of_an_empty_campaign_is_a_page():
    empty = CampaignFacts(
        status=BulkStatus(campaign="x", planned=False), made=BEGUN, zone=UTC, zone_name="UTC"
    )
    assert "x planning" in words(render(empty)).replace("xplanning", "x planning")


def test_render_of_a_large_campaign_stays_small():
    count = 20_000
    large = facts(
        accepted=series(count, 1),
        opted_out=series(count, 1),
        delivery=Delivery(delivered=count, over_time=series(count, 1)),
        troubles=tuple(
            Trouble(position=n, number="447700900123", outcome="rejected", reason="4006 " * 9)
            for n in range(200)
        ),
        batches=tuple(
            BatchFacts(number=n, size=500, outcome="accepted", attempts=1, batch_id="5" * 24)
            for n in range(100)
        ),
    )
    assert len(render(large).encode()) < 120_000


def test_thinned_keeps_the_first_and_the_last_point():
    assert thinned(series(3)) == series(3)
    few = thinned(series(5000), 100)
    assert len(few) == 100
    assert (few[0], few[-1]) == (series(5000)[0], series(5000)[-1])
    assert list(few) == sorted(few)


def test_grown_adds_up_by_seconds_in_any_order():
    found = grown([(2.5, 3), (1.2, 1), (2.1, 4)])
    assert [(moment.timestamp(), count) for moment, count in found] == [(1.0, 1), (2.0, 8)]


@given(st.lists(st.integers(min_value=1, max_value=10**6), min_size=1, max_size=12))
def test_parts_bar_fills_its_width_and_shows_every_part(values):
    svg = parts_bar("x", [Part(f"part {n}", value, "good") for n, value in enumerate(values)])
    rects = [
        (float(x), float(width))
        for x, width in re.findall(r'<rect x="([\d.e-]+)" y="0" width="([\d.e-]+)"', svg)
    ]
    assert len(rects) == len(values)
    assert all(width >= 1 for _, width in rects)
    assert rects[-1][0] + rects[-1][1] == pytest.approx(718, abs=1)


def test_bars_are_as_long_as_their_values():
    svg = bars("x", [Part("a", 100, "bad"), Part("b", 50, "bad")])
    first, second = (float(width) for width in re.findall(r'y="\d+" width="([\d.]+)"', svg))
    assert first == pytest.approx(2 * second)


def test_over_time_labels_each_line_without_covering_another():
    svg = over_time("x", [Line("a", series(100), "blue"), Line("b", series(99), "good")], LONDON)
    heights = [float(y) for y in re.findall(r'<text x="600" y="([\d.]+)" class="tick of-\w+"', svg)]
    assert len(heights) == 2
    assert abs(heights[0] - heights[1]) >= 30


@given(st.integers(min_value=0, max_value=10**9))
def test_axes_counts_reach_the_highest_in_a_few_whole_steps(highest):
    ticks = axes.counts(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= 6
    assert len({b - a for a, b in pairwise(ticks)}) == 1


@given(st.floats(min_value=1, max_value=10**8))
def test_axes_moments_lie_within_the_axis(seconds):
    last = BEGUN + timedelta(seconds=seconds)
    ticks = axes.moments(BEGUN, last, LONDON)
    assert len(ticks) <= 12
    assert all(BEGUN <= tick <= last for tick in ticks)
    assert len(axes.tick_labels(ticks)) == len(ticks)


def test_axes_moments_are_round_times_of_the_zone():
    ticks = axes.moments(BEGUN, BEGUN + timedelta(days=5), ZoneInfo("Asia/Kolkata"))
    assert {(tick.hour, tick.minute) for tick in ticks} == {(0, 0)}
    assert axes.tick_labels(ticks)[0] == ("5 May", "")


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, ""),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 3, "33.3 %"),
        (1, 100_000, "< 0.1 %"),
        (99_999, 100_000, "> 99.9 %"),
    ],
)
def test_share_never_rounds_to_nothing_or_to_everything(part, whole, words):
    assert axes.share(part, whole) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (19841.5, "19,841.5"), (20000.0, "20,000"), (0.25, "0.25"), (1.999, "2")],
)
def test_figure_sets_thousands_apart(value, words):
    assert axes.figure(value) == words
