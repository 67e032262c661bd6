"""Steps of the campaign machine that affect requests and searches."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from smsworks_async.errors import APIError, NotSent, OutcomeUnknown
from support.campaigns.provider import SETTLE, lost
from support.campaigns.steps import ENDLESS, FATES, REFUSALS, fractions, of, picks


class NetworkSteps(RuleBasedStateMachine):
    """The part of `CampaignMachine` for the network and the provider."""

    @property
    def open_requests(self):
        return [
            r
            for r in self.world.requests
            if r.is_waited_for or (r.batch is None and self.world.may_be_accepted(r))
        ]

    @precondition(lambda self: self.open_requests)
    @rule(
        pick=picks,
        fate=st.runner().flatmap(lambda self: st.sampled_from(self.fates)),
        part=fractions,
        lag=st.sampled_from([0.0, 1.0, SETTLE]),
    )
    def befall(self, pick, fate, part, lag):
        """Apply an event to a request."""
        request = self._one(pick, self.open_requests)
        self.meet_fate(request, FATES[fate], part, lag)
        self.world.settle()

    def meet_fate(self, request, fate, part=0.0, lag=0.0):
        world = self.world
        if request.batch is None:
            request.lag = lag
        happen = {
            "accept": lambda: world.accept(request),
            "accept late": lambda: world.accept_later(request, part),
            "hide": lambda: self._hide(request),
            "drop": lambda: world.drop(request),
            "answer": lambda: world.answer(request),
            "lose": lambda: world.refuse(request, lost()),
            "name": lambda: world.refuse(request, named(request.batch and request.batch.id)),
            "name nothing": lambda: world.refuse(request, named("none")),
        }
        for what in fate:
            if what == "write":
                world.write(request)
            elif what == "fail" and request.written is None:
                world.refuse(request, NotSent("no connection"))
            elif request.written is None or (what in REFUSALS and request.batch is not None):
                return
            elif what in REFUSALS:
                world.refuse(request, APIError("no", status=400, **REFUSALS[what]))
            elif what in happen:
                happen[what]()

    def _hide(self, request):
        if self.world.may_be_accepted(request):
            request.lag = ENDLESS
            self.hidden.update(number for number, _ in request.messages)

    @of("reads")
    @rule(reads=st.sampled_from(["answer", "hold", "fail"]))
    def read(self, reads):
        self.world.let_reads_go(reads)
        self.world.settle()


def named(batch_id):
    return OutcomeUnknown("refused, with an id", operation="POST /batch/send", batch_id=batch_id)
