"""The recipients of a campaign, counted by the states of their chunks, and by their outcomes."""

from __future__ import annotations

from collections.abc import Mapping

from smsworks_async.journals.records import ChunkRecord, State, Sums


#: States in which nobody was sent to by the last request, whom it left out included.
_UNSENT = frozenset({State.PENDING, State.CANCELLED})


class StateCounts:
    """The recipients of a campaign.

    Args:
        states: the chunks by state, summed up.
    """

    def __init__(self, states: Mapping[State, Sums] | None = None) -> None:
        self._recipients = dict.fromkeys(State, 0)
        self._excluded = dict.fromkeys(State, 0)
        self._opted = dict.fromkeys(State, 0)
        for state, sums in (states or {}).items():
            self._recipients[state] = sums.recipients
            if state not in _UNSENT:
                self._excluded[state], self._opted[state] = sums.excluded, sums.opted

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self._recipients.values())

    @property
    def pending(self) -> int:
        """How many are to be sent to."""
        return self._recipients[State.PENDING]

    @property
    def in_flight(self) -> int:
        """How many are being sent to."""
        return self._recipients[State.SENDING] - self._opted[State.SENDING]

    @property
    def waiting(self) -> int:
        """How many are to be sent to, or are being sent to."""
        return self._recipients[State.PENDING] + self._recipients[State.SENDING]

    def claim(self, record: ChunkRecord) -> None:
        """Count a chunk that was pending, and was claimed."""
        self._recipients[State.PENDING] -= record.size
        self._add(record, 1)

    def unclaim(self, claimed: ChunkRecord) -> None:
        """Count a claimed chunk as pending."""
        self._add(claimed, -1)
        self._recipients[State.PENDING] += claimed.size

    def finish(self, claimed: ChunkRecord, record: ChunkRecord) -> None:
        """Count a claimed chunk as what it is now."""
        self._add(claimed, -1)
        self._add(record, 1)

    def _add(self, record: ChunkRecord, sign: int) -> None:
        state = record.state
        self._recipients[state] += sign * record.size
        if record.excluded and state not in _UNSENT:
            self._excluded[state] += sign * record.excluded
            self._opted[state] += sign * record.opted

    def outcomes(self) -> dict[str, int]:
        """Return the counts of a report that are known; those to be sent to are in none of them."""
        in_doubt = self._recipients[State.UNKNOWN] - self._opted[State.UNKNOWN]
        counts = {"accepted": 0, "rejected": 0}
        for state in (State.ACCEPTED, State.REJECTED):
            counts[state.value] = self._recipients[state] - self._excluded[state]
            in_doubt += self._excluded[state] - self._opted[state]
        return {**counts, "unknown": in_doubt, "opted_out": sum(self._opted.values())}

    @property
    def cancelled(self) -> int:
        """How many are not sent to since the campaign was cancelled."""
        return self._recipients[State.CANCELLED]
