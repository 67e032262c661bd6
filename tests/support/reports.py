"""The contents of reports and the sandbox's counts, for comparison."""

from __future__ import annotations


def named(report, *outcomes):
    """Return the recipients in a report's batches with some outcomes, in order."""
    return [n for batch in report.batches if batch.outcome in outcomes for n in batch.destinations]


def nobody_twice(box):
    """Return whether the sandbox has accepted at most one message for each destination."""
    return max(box.accepted_by_destination().values(), default=0) <= 1
