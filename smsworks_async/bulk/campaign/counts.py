"""Counts of a campaign's recipients, by the state of their chunk and by outcome."""

from __future__ import annotations

from collections.abc import Mapping

from smsworks_async.journals.records import ChunkRecord, State, Sums


#: The states in which the last request was not sent, so its left-out recipients count as the
#: others.
_UNSENT = frozenset({State.PENDING, State.CANCELLED})


class StateCounts:
    """The counts of a campaign's recipients.

    Args:
        states: the totals of chunks by state.
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
        """The number of all recipients."""
        return sum(self._recipients.values())

    @property
    def pending(self) -> int:
        """The number of pending recipients."""
        return self._recipients[State.PENDING]

    @property
    def in_flight(self) -> int:
        """The number of recipients in flight."""
        return self._recipients[State.SENDING] - self._opted[State.SENDING]

    @property
    def waiting(self) -> int:
        """The number of recipients that are pending or in flight."""
        return self._recipients[State.PENDING] + self._recipients[State.SENDING]

    def claim(self, record: ChunkRecord) -> None:
        """Count a pending chunk as claimed."""
        self._recipients[State.PENDING] -= record.size
        self._add(record, 1)

    def unclaim(self, claimed: ChunkRecord) -> None:
        """Count a claimed chunk as pending."""
        self._add(claimed, -1)
        self._recipients[State.PENDING] += claimed.size

    def finish(self, claimed: ChunkRecord, record: ChunkRecord) -> None:
        """Count a claimed chunk in its new state."""
        self._add(claimed, -1)
        self._add(record, 1)

    def _add(self, record: ChunkRecord, sign: int) -> None:
        state = record.state
        self._recipients[state] += sign * record.size
        if record.excluded and state not in _UNSENT:
            self._excluded[state] += sign * record.excluded
            self._opted[state] += sign * record.opted

    def outcomes(self) -> dict[str, int]:
        """Return the known counts of a report, which do not include pending recipients."""
        in_doubt = self._recipients[State.UNKNOWN] - self._opted[State.UNKNOWN]
        counts = {"accepted": 0, "rejected": 0}
        for state in (State.ACCEPTED, State.REJECTED):
            counts[state.value] = self._recipients[state] - self._excluded[state]
            in_doubt += self._excluded[state] - self._opted[state]
        return {**counts, "unknown": in_doubt, "opted_out": sum(self._opted.values())}

    @property
    def cancelled(self) -> int:
        """The number of recipients that were not sent to because the campaign was cancelled."""
        return self._recipients[State.CANCELLED]
