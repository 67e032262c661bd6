"""What a bulk run is told, beside what it sends and to whom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from smsworks_async.bulk.engine import Progress
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.settings import rate_problem


if TYPE_CHECKING:
    from smsworks_async.bulk.journals import Journal


#: Chunks in flight at a time.
CONCURRENCY: Final = 8
#: Seconds within which what is in doubt is looked for.
SETTLE: Final = 30.0
#: The longest wait, in seconds: about four months.
LONGEST: Final = 1e7
#: The longest name of a campaign: it goes into the metadata of its messages.
MAX_CAMPAIGN: Final = 100


def _positive(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not value > 0
    ):
        raise ValidationError(
            f"{attribute.name} must be a number above 0, or None", field=attribute.name
        )


def _rate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if problem := rate_problem(value):
        raise ValidationError(problem, field="max_rate")


def _whole(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checks.whole_number(value, attribute.name, at_least=1)


def _yes_or_no(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checks.yes_or_no(value, attribute.name)


def _function(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ValidationError("progress must be a function", field=attribute.name)


def _policy(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value not in ("report", "resend"):
        raise ValidationError('on_unknown must be "report" or "resend"', field=attribute.name)


def check_seconds(value: object, field: str) -> float:
    """Check a length of time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LONGEST:
        raise ValidationError(f"{field} must be seconds, 0 to {LONGEST:g}", field=field)
    return float(value)


def _seconds(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    check_seconds(value, attribute.name)


def check_campaign(value: object) -> str:
    """Check a campaign's name."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CAMPAIGN or not value.isprintable():
        raise ValidationError(
            f"campaign must be a name of 1 to {MAX_CAMPAIGN} printable characters, such as "
            "'2031-05-opening'",
            field="campaign",
        )
    return checks.text(value, "campaign")


def _name(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None:
        check_campaign(value)


@attrs.frozen(kw_only=True)
class Options:
    """The options of `AsyncBulk.send`, checked, with their defaults."""

    chunk_size: int
    concurrency: int = attrs.field(default=CONCURRENCY, validator=_whole)
    max_rate: float | None = attrs.field(default=None, validator=_rate)
    deduplicate: bool = attrs.field(default=True, validator=_yes_or_no)
    max_credits: float | None = attrs.field(default=None, validator=_positive)
    require_balance: bool = attrs.field(default=False, validator=_yes_or_no)
    progress: Progress | None = attrs.field(default=None, validator=_function)
    journal: Journal | str | os.PathLike[str] | None = None
    campaign: str | None = attrs.field(default=None, validator=_name)
    on_unknown: Literal["report", "resend"] = attrs.field(default="report", validator=_policy)
    settle: float = attrs.field(default=SETTLE, validator=_seconds)

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


def choose_chunk_size(chunk_size: int | None, batch_size: int) -> int:
    """Return the size of a run's chunks: as given, at most a batch's, which is the default.

    Raises:
        ValidationError: it is not 1 to `batch_size`.
    """
    if chunk_size is None:
        return batch_size
    return checks.whole_number(chunk_size, "chunk_size", at_least=1, at_most=batch_size)


def too_dear(estimate: float, field: str, limit: str) -> ValidationError:
    """Say that a run would cost more than it may."""
    return ValidationError(
        f"this would cost about {estimate:g} credits, and {limit}; nothing was sent", field=field
    )
