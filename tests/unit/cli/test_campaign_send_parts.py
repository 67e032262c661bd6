"""Parts of `campaign send`: the campaign's name, progress lines, wrapped texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smsworks_async import BulkProgress, Phase
from smsworks_async.cli._campaign_bar import Bar, described, figures
from smsworks_async.cli._campaign_name import campaign_name
from smsworks_async.cli._campaign_view import folded
from smsworks_async.cli._output import Output
from smsworks_async.cli._text import columns_of


NUMBERS = ["447700900001", "447700900002"]


def test_campaign_name_is_that_of_the_text_the_sender_and_the_numbers_in_their_order():
    name = campaign_name("Hello {name}\n", "AcmeCorp", NUMBERS)
    assert name == campaign_name("  Hello {name}\r\n", "AcmeCorp", iter(NUMBERS))
    others = {
        campaign_name("Hello {firstname}", "AcmeCorp", NUMBERS),
        campaign_name("Hello {name}", "Acme", NUMBERS),
        campaign_name("Hello {name}", "AcmeCorp", NUMBERS[::-1]),
        campaign_name("Hello {name}", "AcmeCorp", [*NUMBERS, NUMBERS[0]]),
        campaign_name("Hello {name}", "AcmeCorp", ["".join(NUMBERS)]),
    }
    assert len({name, *others}) == 6
    assert name.startswith("hello-name-")


@pytest.mark.parametrize("text", ["\u2019" * 50, "x" * 500, "a\nb " * 99])
def test_campaign_name_is_short_and_printable_whatever_the_text(text):
    name = campaign_name(text, "AcmeCorp", NUMBERS)
    assert name.isascii()
    assert len(name) <= 45
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_campaign_name_takes_composed_and_decomposed_letters_for_the_same():
    assert campaign_name("Zoe\u0308", "A", []) == campaign_name("Zo\u00eb", "A", [])


def test_bar_writes_a_line_for_each_phase_and_one_every_ten_seconds(capsys):
    now = [0.0]
    planned = {"planned": 100, "seconds": 2.0}
    with Bar(Output(), 100, lambda: now[0]) as bar:
        for seconds, progress in (
            (0.0, BulkProgress(phase=Phase.PLANNING, read=40)),
            (0.5, BulkProgress(phase=Phase.PLANNING, read=90)),
            (1.0, BulkProgress(**planned, accepted=10)),
            (5.0, BulkProgress(**planned, accepted=20)),
            (11.0, BulkProgress(**planned, accepted=30)),
        ):
            now[0] = seconds
            bar.show(progress)
    assert capsys.readouterr().out.splitlines() == [
        "Planning: 40/100",
        "Sending: 10/100  5/s  18 s left",
        "Sending: 30/100  15/s  5 s left",
    ]


def test_described_says_until_when_a_wait_lasts():
    until = datetime(2031, 5, 1, 9, 0, tzinfo=UTC)
    words = described(BulkProgress(phase=Phase.WAITING_FOR_WINDOW, until=until))
    assert words == f"Waiting for the window until {until.astimezone():%H:%M}"


def test_figures_leave_out_a_rate_that_is_not_known():
    assert figures(BulkProgress(planned=10), 10) == "0/10"


@pytest.mark.parametrize("width", [5, 12, 40])
@pytest.mark.parametrize(
    "text", ["We open at nine", "x" * 100, "日本語のテキスト です", "", " a  b "]
)
def test_folded_loses_nothing_and_fits(text, width):
    parts = list(folded(text, width))
    assert all(sum(map(columns_of, part)) <= width for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
