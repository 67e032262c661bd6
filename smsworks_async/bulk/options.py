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


#: The default concurrency.
CONCURRENCY: Final = 8
#: The default seconds during which unknown chunks are searched for.
SETTLE: Final = 30.0
#: The longest name of a campaign, which is part of the metadata of its messages.
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
    # A computed missing value (NaT) must not mean "at once".
    return None if value is None else checks.aware_datetime(value, "at")


def _function(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ValidationError("progress must be a function", field=attribute.name)


def check_on_unknown(value: object) -> str:
    """Validate `on_unknown`: ``"report"`` or ``"resend"``."""
    policy = values.as_text(value)
    if policy not in {"report", "resend"}:
        raise ValidationError('on_unknown must be "report" or "resend"', field="on_unknown")
    return policy


def check_seconds(value: object, field: str) -> float:
    """Validate a duration: 0 to 1e7 seconds."""
    return values.seconds(value, field)


def _settle(value: object) -> float:
    return values.seconds(value, "settle")


def check_campaign(value: object) -> str:
    """Validate a campaign's name, and return it normalised for comparison.

    Names are NFC-normalised and stripped, so that names that look the same are the same.
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
    """Validate a `journal` argument: a path becomes a plain string, a journal is unchanged."""
    is_path = isinstance(value, str | os.PathLike) or values.as_text(value) is not None
    return values.path(value, "journal") if is_path else value


def check_reason(value: object) -> str:
    """Validate the reason of a pause or a cancellation: at most 200 printable characters."""
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
    """The validated options of `AsyncBulk.send`, with their defaults."""

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
    #: None to use the campaign's setting.
    respect_opt_outs: bool | None = _option(None, _respect_opt_outs)
    at: datetime | None = _option(None, _at)

    def __attrs_post_init__(self) -> None:
        if (self.journal is None) != (self.campaign is None):
            missing = "campaign" if self.campaign is None else "journal"
            raise ValidationError(
                f"{missing} is required too: a campaign needs a journal and a name",
                field=missing,
            )
        if self.journal is None and self.on_unknown != "report":
            raise ValidationError("on_unknown needs a journal", field="on_unknown")
        if self.due is not None and self.window is not None and not self.window.is_open(self.due):
            raise ValidationError(
                f"at is outside the sending window, {self.window}; pass a time within it",
                field="at",
            )

    @property
    def due(self) -> float | None:
        """The time at which the messages are due, in POSIX seconds; None for at once."""
        return None if self.at is None else self.at.timestamp()

    def check_at(self, now: float) -> None:
        """Check that it is not too late to schedule.

        Args:
            now: the time, in POSIX seconds.

        Raises:
            ValidationError: `at` is past.
        """
        if self.at is not None:
            checks.schedule(self.at, datetime.fromtimestamp(now, UTC))

    @property
    def limits_cost(self) -> bool:
        """Whether the cost of the run is limited by `max_credits` or by the balance."""
        return self.require_balance or self.max_credits is not None


def choose_chunk_size(chunk_size: int | None, batch_size: int) -> int:
    """Return the chunk size of a run: the argument, or by default the batch size.

    Raises:
        ValidationError: it is not 1 to `batch_size`.
    """
    if chunk_size is None:
        return batch_size
    return values.integer(chunk_size, "chunk_size", at_least=1, at_most=batch_size)
