"""Bulk sends: any number of recipients, in chunks, with an outcome for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsworks_async._lazy import lazy


if TYPE_CHECKING:
    from smsworks_async.bulk.estimate import BulkEstimate
    from smsworks_async.bulk.resource import AsyncBulk
    from smsworks_async.models.report import (
        BatchOutcome,
        BulkProgress,
        BulkReport,
        BulkStatus,
        Outcome,
        Phase,
        Problem,
        Reason,
        RecipientOutcome,
    )


__all__ = [
    "AsyncBulk",
    "BatchOutcome",
    "BulkEstimate",
    "BulkProgress",
    "BulkReport",
    "BulkStatus",
    "Outcome",
    "Phase",
    "Problem",
    "Reason",
    "RecipientOutcome",
]

_REPORT = "smsworks_async.models.report"
_MODULES = {
    **dict.fromkeys(__all__, _REPORT),
    "AsyncBulk": "smsworks_async.bulk.resource",
    "BulkEstimate": "smsworks_async.bulk.estimate",
}

__getattr__, __dir__ = lazy(__name__, _MODULES)
