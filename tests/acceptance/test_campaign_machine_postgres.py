"""Campaigns in PostgreSQL through any history of deaths, clocks and losses: a few of each focus.

``SMSWORKS_TEST_SLOW=1`` plays many more of them, and others each time.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.campaigns.controlled import ControlledMachine
from support.campaigns.machine import FATES, CampaignMachine
from support.campaigns.postgres_world import PostgresWorld


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
PROFILE = settings(
    max_examples=200 if SLOW else 4,
    stateful_step_count=50 if SLOW else 30,
    deadline=None,
    derandomize=not SLOW,
    database=None,
    suppress_health_check=list(HealthCheck),
)

FOCUSES = {
    "deaths and clocks": ({"deaths", "clocks"}, ("sent", "accepted late", "answer lost")),
    "a twin": ({"twin", "stops", "deaths"}, ("sent", "answer lost", "lost on the way")),
    "controls": ({"controls", "deaths", "stops"}, tuple(FATES)),
}


@pytest.fixture
def url(postgres_databases):
    url = asyncio.run(postgres_databases.create())
    yield url
    asyncio.run(postgres_databases.drop(url))


@pytest.mark.parametrize("focus", FOCUSES)
def test_nobody_is_texted_twice_and_everybody_is_named_by_workers_of_one_database(
    focus, url, record_property
):
    groups_of_focus, fates_of_focus = FOCUSES[focus]

    class Machine(ControlledMachine if "controls" in groups_of_focus else CampaignMachine):
        groups = groups_of_focus
        fates = fates_of_focus
        played: ClassVar = Counter()

        def make_world(self, journal, habits):
            # A process stopped within a transaction would block all others.
            self.concurrency = 1
            return PostgresWorld(url, habits=habits, visitor=self.visitor)

    run_state_machine_as_test(Machine, settings=PROFILE)
    played = Machine.played
    record_property("histories", f"{played['histories']} histories, {played['steps']} steps")
