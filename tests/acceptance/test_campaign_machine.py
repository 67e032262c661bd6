"""Campaigns through any history of deaths, clocks, losses and copies."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from campaign_machine import CampaignMachine


SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
PROFILE = settings(
    max_examples=int(os.environ.get("N", 60)),
    stateful_step_count=50,
    deadline=None,
    derandomize=os.environ.get("R") is None,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
    phases=[Phase.generate] + [Phase.shrink] * ("S" in os.environ),
)


@pytest.mark.parametrize("journal", ["memory", "file"])
def test_nobody_is_texted_twice_and_everybody_is_named_whatever_happens(journal):
    class Machine(CampaignMachine):
        journals = (journal,)
        played = CampaignMachine.played.__class__()

    run_state_machine_as_test(Machine, settings=PROFILE)
    print(journal, dict(Machine.played))
