"""Campaigns through random histories of deaths, clock changes, losses and copies.

The long profile, with ``SMSWORKS_TEST_SLOW=1``, plays many more of them, and others each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from smsworks_async.journals.sqlite import worker
from support.campaigns.focus import machine_of
from support.campaigns.steps import FATES, GROUPS


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
#: The number of histories of each focus; with a file they take ten times as long.
HISTORIES = {"memory": 1300, "file": 200} if SLOW else {"memory": 16, "file": 3}
PROFILE = settings(
    stateful_step_count=50,
    deadline=None,
    derandomize=not SLOW,
    database=None,
    suppress_health_check=list(HealthCheck),
)

#: Subsets of the rules, which reach further in the same number of steps.
FOCUSES = {
    "everything": (GROUPS, tuple(FATES)),
    "stops": ({"stops"}, ("sent", "written", "lost on the way")),
    "stops and clocks": ({"stops", "clocks"}, ("sent", "accepted late", "written")),
    "deaths and clocks": ({"deaths", "clocks"}, ("sent", "accepted late", "answer lost")),
    "copies": ({"copies"}, ("sent", "written", "accepted late", "refused: one number")),
    "a provider with habits": ({"habits", "each", "stops", "deaths"}, tuple(FATES)),
    "a twin": ({"twin", "stops", "deaths"}, ("sent", "answer lost", "lost on the way")),
    "handles": ({"handles", "deaths"}, tuple(FATES)),
    "controls": ({"controls", "deaths", "stops"}, tuple(FATES)),
    "controls of texts of their own": (
        {"controls", "deaths", "each"},
        ("sent", "answer lost", "lost on the way", "refused: one number", "refused: for a while"),
    ),
    "windows": ({"windows", "controls", "clocks"}, ("sent", "written", "answer lost")),
    "windows of texts of their own": (
        {"windows", "controls", "deaths", "each"},
        ("sent", "accepted late", "refused: for a while"),
    ),
    "schedules": ({"schedules", "controls", "stops"}, ("sent", "answer lost", "accepted late")),
    "schedules and deaths": ({"schedules", "controls", "deaths", "reads"}, tuple(FATES)),
    "schedules and copies": (
        {"schedules", "controls", "copies"},
        ("sent", "answer lost", "accepted late"),
    ),
    "forgetting": ({"forgets", "controls", "stops"}, ("sent", "answer lost", "accepted late")),
}


# A journal in memory has no second handle.
@pytest.mark.parametrize(
    ("focus", "journal"),
    [
        (focus, journal)
        for focus in FOCUSES
        for journal in ("memory", "file")
        if (focus, journal) != ("handles", "memory")
    ],
)
def test_nobody_is_texted_twice_and_everybody_is_named_whatever_happens(
    focus, journal, record_property, monkeypatch
):
    monkeypatch.setattr(worker, "GROUP_COMMIT_WINDOW", 0.0)  # no other process runs while one waits
    machine = machine_of(*FOCUSES[focus], (journal,))
    profile = settings(PROFILE, max_examples=HISTORIES[journal])
    run_state_machine_as_test(machine, settings=profile)
    played = machine.played
    record_property("histories", f"{played['histories']} histories, {played['steps']} steps")
