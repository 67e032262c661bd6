"""What reports say, and what the sandbox has counted, to hold one against the other."""

from __future__ import annotations


def named(report, *outcomes):
    """Return the recipients that a report names in batches of some outcomes, in order."""
    return [n for batch in report.batches if batch.outcome in outcomes for n in batch.destinations]


def nobody_twice(box):
    """Return whether the sandbox has accepted at most one message for each destination."""
    return max(box.accepted_by_destination().values(), default=0) <= 1
