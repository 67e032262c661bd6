"""The options of a bulk run."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from smsworks_async.bulk.progress import Progress
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks, values
from smsworks_async.models.window import SendWindow, check_window
from smsworks_async.rates import check_rate


if TYPE_CHECKING:
    from smsworks_async.journals import Journal


#: Chunks in flight at a time.
CONCURRENCY: Final = 8
#: Seconds within which unknown chunks are searched for.
SETTLE: Final = 30.0
#: The longest name of a campaign: it goes into the metadata of its messages.
MAX_CAMPAIGN: Final = 100

#: The longest reason of a pause or a cancellation.
MAX_REASON: Final = 200


def _max_credits(value: object) -> float | None:
    limit = None if value is None else values.as_number(value)
    if value is not None and (limit is None or limit <= 0):
        raise ValidationError("max_credits must be a number above 0, or None", field="max_credits")
    return limit


def _concurrency(value: object) -> int:
    return values.integer(value, "concurrency", at_least=1)


def _deduplicate(value: object) -> bool:
    return values.boolean(value, "deduplicate")


def _require_balance(value: object) -> bool:
    return values.boolean(value, "require_balance")


def _respect_opt_outs(value: object) -> bool | None:
    return None if value is None else values.boolean(value, "respect_opt_outs")


def _at(value: object) -> datetime | None:
    # A missing value that was computed is no reason to send at once.
    return None if value is None else checks.aware_datetime(value, "at")


def _function(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ValidationError("progress must be a function", field=attribute.name)


def check_on_unknown(value: object) -> str:
    """Check what becomes of what is unknown: it is reported, or sent again."""
    policy = values.as_text(value)
    if policy not in {"report", "resend"}:
        raise ValidationError('on_unknown must be "report" or "resend"', field="on_unknown")
    return policy


def check_seconds(value: object, field: str) -> float:
    """Check a length of time: 0 to 1e7 seconds."""
    return values.seconds(value, field)


def _settle(value: object) -> float:
    return values.seconds(value, "settle")


def check_campaign(value: object) -> str:
    """Check a campaign's name, and return the spelling that it is compared by.

    Names that look alike are one: composed characters (NFC), and no blanks around.
    """
    name = values.as_text(value)
    if name is not None:
        name = unicodedata.normalize("NFC", name).strip()
    if name is None or not 1 <= len(name) <= MAX_CAMPAIGN or not name.isprintable():
        raise ValidationError(
            f"campaign must be a name of 1 to {MAX_CAMPAIGN} printable characters, such as "
            "'2031-05-opening'",
            field="campaign",
        )
    return values.text(name, "campaign")


def check_journal(value: Any) -> Any:
    """Check where a campaign is kept: a path becomes a plain string, a journal stays as it is."""
    is_path = isinstance(value, str | os.PathLike) or values.as_text(value) is not None
    return values.path(value, "journal") if is_path else value


def check_reason(value: object) -> str:
    """Check the reason of a pause or a cancellation: at most 200 printable characters."""
    reason = values.text(value, "why").strip()
    if len(reason) > MAX_REASON or not (reason.isprintable() or not reason):
        raise ValidationError(f"why must be at most {MAX_REASON} printable characters", field="why")
    return reason


def _campaign(value: object) -> str | None:
    return None if value is None else check_campaign(value)


def _option(default: object, check: Callable[[Any], Any]) -> Any:
    return attrs.field(default=default, converter=check)


@attrs.frozen(kw_only=True)
class Options:
    """The options of `AsyncBulk.send`, checked, with their defaults."""

    chunk_size: int
    concurrency: int = _option(CONCURRENCY, _concurrency)
    max_rate: float | None = _option(None, check_rate)
    deduplicate: bool = _option(True, _deduplicate)
    max_credits: float | None = _option(None, _max_credits)
    require_balance: bool = _option(False, _require_balance)
    progress: Progress | None = attrs.field(default=None, validator=_function)
    journal: Journal | str | os.PathLike[str] | None = _option(None, check_journal)
    campaign: str | None = _option(None, _campaign)
    on_unknown: Literal["report", "resend"] = _option("report", check_on_unknown)
    settle: float = _option(SETTLE, _settle)
    window: SendWindow | None = _option(None, check_window)
    #: None leaves it to the campaign.
    respect_opt_outs: bool | None = _option(None, _respect_opt_outs)
    at: datetime | None = _option(None, _at)

    def __attrs_post_init__(self) -> None:
        if (self.journal is None) != (self.campaign is None):
            missing = "campaign" if self.campaign is None else "journal"
            raise ValidationError(
                f"{missing} must be given too: a campaign is kept in a journal, under its name",
                field=missing,
            )
        if self.journal is None and self.on_unknown != "report":
            raise ValidationError(
                "on_unknown needs a journal, which tells what is in doubt", field="on_unknown"
            )
        if self.due is not None and self.window is not None and not self.window.is_open(self.due):
            raise ValidationError(
                f"at lies outside the sending window, {self.window}; give a time within it",
                field="at",
            )

    @property
    def due(self) -> float | None:
        """When the messages are due, in POSIX seconds; None for at once."""
        return None if self.at is None else self.at.timestamp()

    def check_at(self, now: float) -> None:
        """Check that it is not too late to schedule.

        Args:
            now: the time, in POSIX seconds.

        Raises:
            ValidationError: it is.
        """
        if self.at is not None:
            checks.schedule(self.at, datetime.fromtimestamp(now, UTC))

    @property
    def limits_cost(self) -> bool:
        """Whether the run must not cost more than `max_credits`, or than the balance."""
        return self.require_balance or self.max_credits is not None


def choose_chunk_size(chunk_size: int | None, batch_size: int) -> int:
    """Return the size of a run's chunks: as given, at most a batch's, which is the default.

    Raises:
        ValidationError: it is not 1 to `batch_size`.
    """
    if chunk_size is None:
        return batch_size
    return values.integer(chunk_size, "chunk_size", at_least=1, at_most=batch_size)
