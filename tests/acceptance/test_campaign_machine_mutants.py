"""Faults put into the package on purpose: the machine must find each of them.

Those of the clocks before a resend take too many steps together for a random search; the
exploration finds them (`test_exploration.py`).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.campaigns import mutants, mutants_of_controls
from support.campaigns.focus import machine_of
from support.campaigns.steps import SPELLINGS


PROFILE = settings(
    max_examples=6000,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
MUTANTS = {**mutants.MUTANTS, **mutants_of_controls.MUTANTS}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if mutation.quick else pytest.mark.slow)
        for name, mutation in MUTANTS.items()
    ],
)
def test_the_machine_finds(name, monkeypatch, record_property):
    mutation = MUTANTS[name]
    mutation.mutate(monkeypatch)

    machine = machine_of(mutation.groups, mutation.fates, mutation.journals)
    if "names" in name:
        # Without normalisation of names the package itself is this mutant.
        machine.spellings = SPELLINGS
    with pytest.raises(AssertionError, match=mutation.found):
        run_state_machine_as_test(machine, settings=PROFILE)
    played = machine.played
    record_property("histories", f"found in {played['histories']}, {played['steps']} steps")
