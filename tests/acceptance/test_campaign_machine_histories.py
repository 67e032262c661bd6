"""Single histories of the machine that are too long to be found often by chance."""

from __future__ import annotations

import pytest

from support.campaigns.focus import machine_of
from support.campaigns.machine import CampaignMachine
from support.campaigns.provider import Habits
from support.campaigns.steps import FATES, PEOPLE


def run_to_the_end(machine, campaign, but=None):
    """Let time pass, and send the requests of a campaign's processes, except one."""
    for _ in range(20):
        machine.world.pass_time(5)
        play(machine, campaign, {}, but)


def play(machine, campaign, fates, but=None):
    """Apply the fault of its first recipient to each waiting request of a campaign, or send it."""
    for request in machine.world.requests:
        if request.campaign == campaign and request.is_waited_for and request.process is not but:
            fate = fates.get(request.messages[0][0], "sent")
            machine.meet_fate(request, FATES[fate])
            machine.world.settle()
    machine.holds()


@pytest.mark.parametrize("journal", ["memory", "file"])
def test_of_two_chunks_in_doubt_with_the_same_recipients_neither_takes_the_others_batch(journal):
    """One batch of two campaigns with the same text was lost and one accepted:

    at most two texts.
    """
    machine = CampaignMachine()
    machine.begin(journal, each=False, twin=True, concurrency=2, habits=Habits())
    world = machine.world
    mine, another = machine.names
    try:
        # The first campaign's first batch was lost on its way.
        machine.run_send(mine, "report")
        for _ in range(2):
            play(machine, mine, {PEOPLE[0]: "lost on the way"})
        world.pass_time(60)
        machine.holds()
        # The other's is accepted, and its process stops before it has the answer.
        machine.run_send(another, "report")
        stopped = world.living[-1]
        for _ in range(2):
            play(machine, another, {PEOPLE[0]: "answer outstanding"})
        stopped.loop.frozen = True
        world.pass_time(30)
        # A process that sees its lease expired is killed before the search's response.
        world.let_reads_go("hold")
        machine.run_send(another, "resend")
        world.kill(world.living[-1])
        world.let_reads_go("answer")
        # Now the first campaign searches, and finds the other's batch.
        machine.run_reconcile(mine, restored=False)
        world.pass_time(60)
        machine.holds()
        # The other one is resent; then the response arrives, and the first one is unknown again.
        machine.run_send(another, "resend")
        run_to_the_end(machine, another, but=stopped)
        machine.continue_process(stopped, ["answer"])
        machine.holds()
        machine.run_send(mine, "resend")
        run_to_the_end(machine, mine)
    finally:
        world.close()


def test_a_batch_that_was_cancelled_since_the_copy_is_seen_although_the_list_lags():
    """The list of scheduled messages shows it a second after a copy of the journal is used."""
    groups = {"schedules", "controls", "copies"}
    machine = machine_of(groups, ("sent", "answer lost", "accepted late"), ("memory",))()
    machine.begin("memory", each=False, twin=False, concurrency=1, habits=Habits(tells_time=False))
    machine.choose_delay(delay=90.0, shows_waiting=False)
    machine.send(on_unknown="report", spelling=0, which=0)
    machine.befall(fate="sent", lag=1.0, part=0.0, pick=0)
    machine.copy()
    machine.opt_out(pick=0)
    machine.send(on_unknown="report", spelling=0, which=0)  # cancels it, and schedules it again
    machine.restore()
    machine.opt_in(pick=0)
    machine.send(on_unknown="report", spelling=0, which=0)
    machine.reconcile(which=0)
    machine.teardown()  # compares the reports with the provider's messages
