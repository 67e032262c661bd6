"""The journal in PostgreSQL does the same as the one in memory in the same histories.

With ``SMSWORKS_TEST_SLOW=1`` there are many more histories, and others each time.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from smsworks_async.journals import MemoryJournal, PostgresJournal
from support.journal_machines import Campaigns, Reports
from support.key_machine import Keys
from support.naive_journal import NaiveJournal
from support.postgres import empty


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"


PROFILE = settings(
    max_examples=500 if SLOW else 20,
    stateful_step_count=40,
    deadline=None,
    derandomize=not SLOW,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def url(postgres_databases):
    url = asyncio.run(postgres_databases.create())
    yield url
    asyncio.run(postgres_databases.drop(url))


@pytest.mark.parametrize(
    "machine", [Campaigns, Reports, Keys], ids=lambda machine: machine.__name__
)
def test_postgres_does_the_same_in_the_same_histories(machine, url, record_property):
    class Machine(machine):
        played: ClassVar = Counter()

        def make_journals(self):
            self.loop.run_until_complete(empty(url))
            return [
                NaiveJournal(self.clock),
                MemoryJournal(clock=self.clock),
                PostgresJournal(url, clock=self.clock),
            ]

    run_state_machine_as_test(Machine, settings=PROFILE)
    played = Machine.played
    record_property("histories", f"{played['histories']} histories, {played['steps']} steps")
