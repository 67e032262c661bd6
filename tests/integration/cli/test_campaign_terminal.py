"""Campaigns on a terminal: displays that are redrawn in place, at any width."""

from __future__ import annotations

import re
import sys

import pytest

from support.campaign_commands import CAMPAIGN, planned
from support.terminals import on_terminal, width_of


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
#: The control sequences by which rich redraws: move the cursor up, erase a line.
REDRAWN = "\x1b[2K"


@pytest.fixture
def shop(smsworks, tmp_path):
    return planned(smsworks, str(tmp_path / "campaigns.db"))


def widths(lines):
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in lines]
    return [width_of(line.rpartition("\r")[2]) for line in shown]


@pytest.mark.parametrize("columns", [40, 80])
def test_work_is_drawn_in_place_and_ends_with_the_counts(shop, columns):
    words = ("campaign", "work", CAMPAIGN, "--max-rate", "8")
    lines = on_terminal(shop, *words, columns=columns)
    assert any(REDRAWN in line for line in lines)
    assert any(re.search(r"━.* \d+ %", line) for line in lines)
    assert max(widths(lines)) <= columns
    assert lines[-2:] == ["accepted  30", "credits   30 (estimated)"]


@pytest.mark.parametrize("columns", [40, 80])
def test_status_is_drawn_with_a_bar(shop, columns):
    shop("campaign", "work", CAMPAIGN, "--limit", "3")
    lines = on_terminal(shop, "campaign", "status", CAMPAIGN, columns=columns)
    assert "50 %" in lines[1]
    assert max(widths(lines)) <= columns
    shop("campaign", "work", CAMPAIGN)
    lines = on_terminal(shop, "campaign", "status", CAMPAIGN, "--watch", columns=columns)
    assert "100 %" in "".join(lines)
    assert max(widths(lines)) <= columns


def test_report_and_list_fit_the_terminal(shop):
    shop("campaign", "work", CAMPAIGN)
    for words in (("report", CAMPAIGN), ("list",)):
        lines = on_terminal(shop, "campaign", *words, columns=80)
        assert max(widths(lines)) <= 80


def test_pause_and_resume_break_their_lines_between_words(shop):
    for word, told in (("pause", "is paused, with 30"), ("resume", "is resumed, with 30")):
        lines = on_terminal(shop, "campaign", word, CAMPAIGN, columns=40)
        assert max(widths(lines)) <= 40
        assert " ".join(lines).strip() == f"{CAMPAIGN} {told} recipients not sent to"
