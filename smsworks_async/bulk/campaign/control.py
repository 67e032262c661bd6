"""Pausing, resuming and cancelling campaigns, from any process with access to their journal."""

from __future__ import annotations

from smsworks_async.bulk.campaign.reconcile import reconcile
from smsworks_async.bulk.campaign.stored import StoredCampaign, status
from smsworks_async.bulk.gateway import BulkGateway
from smsworks_async.bulk.timer import Timer
from smsworks_async.errors import ValidationError
from smsworks_async.journals.records import Command, Control
from smsworks_async.models.report import BulkReport, BulkStatus
from smsworks_async.models.window import SendWindow, as_date


async def steer(
    stored: StoredCampaign, command: Command, why: str, window: SendWindow | None
) -> BulkStatus:
    """Pause or resume a campaign; return its status.

    Raises:
        ValidationError: it is done, or was cancelled, or its messages are due outside the window.
    """
    _check_open(await status(stored), command)
    at = stored.campaign.at
    if window is not None and at is not None and not window.is_open(at):
        raise ValidationError(
            f"window: the messages of campaign {stored.campaign.id!r} are due at {as_date(at)}, "
            "which is outside it",
            field="window",
        )
    kept = await stored.journal.steer(stored.campaign.id, command, why, window=window)
    if command is Command.RESUME:
        # Chunks that were rejected for a fixed reason become pending again.
        await stored.journal.reopen(kept.id, kept.round)
    now = await status(stored)
    if kept.control is Control.CANCELLED:  # cancelled by another process meanwhile
        _check_open(now, command)
    return now


async def cancel(
    stored: StoredCampaign, gateway: BulkGateway, settle: float, timer: Timer, why: str
) -> BulkReport:
    """Cancel a campaign, search for its unknown chunks, and cancel its scheduled batches.

    The cancellation is recorded first, so that no further chunks are claimed. A campaign that was
    already cancelled is reconciled again.

    Raises:
        ValidationError: it is done.
    """
    before = await status(stored)
    if before.state == "done":
        _check_open(before, Command.CANCEL)
    await stored.journal.steer(stored.campaign.id, Command.CANCEL, why)
    return await reconcile(stored, gateway, settle, timer)


def _check_open(status: BulkStatus, command: Command) -> None:
    if status.state in {"done", "cancelled"}:
        was = "is done" if status.state == "done" else "was cancelled"
        raise ValidationError(
            f"campaign {status.campaign!r} {was}, so there is nothing to {command}",
            field="campaign",
        )
