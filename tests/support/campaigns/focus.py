"""A state machine with selected groups of rules, which counts its steps."""

from __future__ import annotations

from collections import Counter

from support.campaigns.controlled import ControlledMachine
from support.campaigns.forgetting import ForgettingMachine
from support.campaigns.machine import CampaignMachine
from support.campaigns.schedules import ScheduledMachine
from support.campaigns.windows import WindowedMachine


#: The machine of each group that needs its own, the most specific first.
_MACHINES = {
    "windows": WindowedMachine,
    "schedules": ScheduledMachine,
    "forgets": ForgettingMachine,
    "controls": ControlledMachine,
}


def machine_of(groups, fates, journals):
    """Return the machine for some groups of rules.

    Args:
        groups: their names.
        fates: the possible results of requests.
        journals: the kinds of journals: memory, file.
    """
    bases = tuple(machine for group, machine in _MACHINES.items() if group in groups)
    fields = {"groups": groups, "fates": fates, "journals": journals, "played": Counter()}
    return type("Machine", bases or (CampaignMachine,), fields)
