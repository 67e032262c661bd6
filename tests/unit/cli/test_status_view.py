"""A campaign's status on a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from smsworks_async import SendWindow
from smsworks_async.cli._status_view import Rate, counts, done_of, draw, duration, fields, remarks
from smsworks_async.cli._text import as_commands
from smsworks_async.models.report import BulkStatus


def status(**more):
    given = {"campaign": "2031-05-opening", "planned": True, "read": 100, **more}
    return BulkStatus(**given)


def lines(found, width=80, rate=0.0, **more):
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=True, color_system=None).print(
        draw(found, width, rate, **more)
    )
    return file.getvalue().splitlines()


def test_draw_shows_name_state_bar_and_counts():
    found = status(accepted=50, rejected=5, not_sent=40, in_flight=5, credits=50)
    shown = lines(found, rate=10)
    assert shown[0].split() == ["2031-05-opening", "running"]
    assert shown[1].endswith("55 %")
    assert "accepted" in shown[3]
    assert "to be sent" in shown[3]
    assert shown[-1] == "50 credits, 10 per second, about 4 s left"


counted = st.integers(min_value=0, max_value=10**7)


@given(
    st.builds(
        status,
        campaign=st.text(min_size=1, max_size=100),
        why=st.text(max_size=300),
        accepted=counted,
        rejected=counted,
        unknown=counted,
        not_sent=counted,
        in_flight=counted,
        opted_out=counted,
        credits=counted.map(float),
        control=st.sampled_from(["running", "paused", "halted", "cancelled"]),
    ),
    st.integers(min_value=24, max_value=200),
)
def test_draw_is_never_wider_than_the_terminal(found, width):
    for line in draw(found, width, 3.0).plain.splitlines():
        assert len(line) <= width
    assert draw(found, width).plain.isprintable() or "\n" in draw(found, width).plain


@pytest.mark.parametrize("width", [40, 80])
def test_draw_fills_the_bar_as_the_campaign_goes(width):
    shown = [
        draw(status(accepted=n, not_sent=100 - n), width).plain.splitlines()[1].count("━")
        for n in range(101)
    ]
    assert shown == sorted(shown)
    assert (shown[0], shown[-1]) == (0, width - 6)
    assert shown[1] >= 1


def test_draw_without_line_drawing_characters_is_ascii():
    assert draw(status(accepted=40, not_sent=60), 80, ascii_only=True).plain.isascii()


def test_counts_of_a_cancelled_campaign_are_not_sent_for_good():
    assert ("to be sent", 10) in counts(status(not_sent=10))
    assert ("not sent", 10) in counts(status(not_sent=10, control="cancelled"))


def test_remarks_name_the_reason_the_hours_and_the_time():
    found = status(control="paused", why="the\nprice", window=SendWindow("09:00", "20:00"))
    assert remarks(found)[0] == "the price"
    assert "sending hours 09:00 to 20:00, Europe/London" in remarks(found)


@pytest.mark.parametrize(
    ("credits", "words"), [(1, "1 credit"), (2.5, "2.5 credits"), (1_234_567, "1,234,567 credits")]
)
def test_remarks_have_all_digits_of_the_credits(credits, words):
    assert remarks(status(credits=float(credits))) == [words]


def test_fields_name_what_is_done():
    assert ("done", "60 of 100") in fields(status(accepted=60, not_sent=40))
    assert done_of(status(accepted=1, opted_out=2, unknown=3, rejected=4, in_flight=5)) == (10, 15)


def test_rate_is_measured_over_the_last_seconds():
    now = [0.0]
    rate = Rate(lambda: now[0])
    rate.see(status(accepted=0))
    assert rate.per_second == 0
    for second in range(1, 61):
        now[0] = float(second)
        rate.see(status(accepted=second * 10 if second <= 30 else 300))
    assert rate.per_second == 0
    now[0] = 61.0
    rate.see(status(accepted=330))
    assert rate.per_second == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_duration_is_in_the_units_that_matter(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("bulk.resume lifts it", "`smsworks campaign resume` lifts it"),
        ("call bulk.cancel first", "run `smsworks campaign cancel` first"),
        ("by bulk.send_each with", "by `smsworks campaign send` with"),
        (
            "call bulk.reconcile with restored=True for it",
            "run `smsworks campaign reconcile --restored` for it",
        ),
        ("a bulk of things", "a bulk of things"),
    ],
)
def test_as_commands_names_commands_in_place_of_calls(words, shown):
    assert as_commands(words) == shown
