"""What a bulk run is told, beside what it sends and to whom."""

from __future__ import annotations

from typing import Any, Final, TypedDict

import attrs

from smsworks_async.bulk.engine import Progress
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.outgoing import CommonFields
from smsworks_async.settings import FASTEST, SLOWEST


#: Chunks in flight at a time.
CONCURRENCY: Final = 8


class BulkOptions(TypedDict, total=False):
    """How a bulk run goes.

    Attributes:
        chunk_size: recipients in a request; 500, or the client's `batch_size`.
        concurrency: requests in flight at a time; 8.
        max_rate: requests a second; no limit.
        deduplicate: whether repeats are set aside; they are. Without it memory stays flat.
        max_credits: estimated credits not to go beyond. Where the number of recipients is known the
            run is refused before the first request, otherwise it stops before the chunk that goes
            beyond.
        progress: a function, async or not, called with a `BulkProgress` whenever
            chunks are done.
    """

    chunk_size: int | None
    concurrency: int
    max_rate: float | None
    deduplicate: bool
    max_credits: float | None
    progress: Progress | None


class BulkFields(CommonFields, BulkOptions, total=False):
    """`CommonFields` and `BulkOptions`."""


def _positive(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not value > 0
    ):
        raise ValidationError(
            f"{attribute.name} must be a number above 0, or None", field=attribute.name
        )


def _rate(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not SLOWEST <= value <= FASTEST
    ):
        raise ValidationError(
            f"max_rate must be requests a second, {SLOWEST:g} to {FASTEST:g}, or None",
            field="max_rate",
        )


def _whole(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checks.whole_number(value, attribute.name, at_least=1)


def _yes_or_no(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checks.yes_or_no(value, attribute.name)


def _function(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise ValidationError("progress must be a function", field=attribute.name)


@attrs.frozen(kw_only=True)
class Options:
    """`BulkOptions`, checked, with their defaults."""

    chunk_size: int
    concurrency: int = attrs.field(default=CONCURRENCY, validator=_whole)
    max_rate: float | None = attrs.field(default=None, validator=_rate)
    deduplicate: bool = attrs.field(default=True, validator=_yes_or_no)
    max_credits: float | None = attrs.field(default=None, validator=_positive)
    progress: Progress | None = attrs.field(default=None, validator=_function)


def make_options(batch_size: int, given: BulkOptions) -> Options:
    """Check options, whose chunks hold at most a batch's recipients.

    Raises:
        ValidationError: one of them is not as it should be.
    """
    chunk_size = given.get("chunk_size")
    if chunk_size is None:
        chunk_size = batch_size
    checks.whole_number(chunk_size, "chunk_size", at_least=1, at_most=batch_size)
    return Options(**{**given, "chunk_size": chunk_size})  # type: ignore[arg-type] # checked by it
