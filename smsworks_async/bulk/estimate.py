"""What a bulk run would cost, before any of it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from smsworks_async import phone, text
from smsworks_async.bulk.kinds import (
    ABROAD,
    EachItsText,
    FromTemplate,
    OneText,
    Rule,
    warnings_of,
)
from smsworks_async.bulk.recipients import Kind, Reader, slices
from smsworks_async.bulk.report import Reason
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks


T = TypeVar("T")

# As many chunks as there are slices: their size does not matter here.
_CHUNK = 500


@attrs.frozen(kw_only=True)
class BulkEstimate:
    """What a bulk run would cost. Credits are estimates; abroad they count double.

    Attributes:
        recipients: those who would be sent to.
        invalid: those who cannot be.
        duplicates: those who were there before.
        segments: SMS parts in all.
        credits: for all of it.
        unicode: recipients whose text is not GSM, so that a credit buys 70 characters and not 160.
        offenders: the characters that make texts Unicode, each with the number of recipients.
        credits_as_gsm: what it would cost if `text.to_gsm` were applied to every text.
        balance: the account's credits; None where it was not asked.
        warnings: what would be sent as it was given, and is probably a mistake.
    """

    recipients: int = 0
    invalid: int = 0
    duplicates: int = 0
    segments: int = 0
    credits: float = 0.0
    unicode: int = 0
    offenders: Mapping[str, int] = attrs.field(factory=dict, hash=False)
    credits_as_gsm: float = 0.0
    balance: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def saved_by_gsm(self) -> float:
        """Credits that `text.to_gsm` would save."""
        return self.credits - self.credits_as_gsm

    @property
    def affordable(self) -> bool | None:
        """Whether the balance suffices; None where it was not asked."""
        return None if self.balance is None else self.credits <= self.balance


async def estimate(
    kind: Kind[T], values: Iterable[Any] | AsyncIterable[Any], *, deduplicate: bool
) -> BulkEstimate:
    """Read all recipients, and sum up what they would cost."""
    reader = Reader(kind, _CHUNK, deduplicate=deduplicate)
    sums = _Sums(kind)
    async for some in slices(values):
        for chunk in reader.take(some):
            sums.add(chunk.items, abroad=chunk.abroad)
        reader.problems.clear()
    for chunk in reader.finish():
        sums.add(chunk.items, abroad=chunk.abroad)
    return BulkEstimate(
        recipients=sums.recipients,
        invalid=reader.set_aside[Reason.INVALID],
        duplicates=reader.set_aside[Reason.DUPLICATE],
        segments=sums.segments,
        credits=sums.credits,
        unicode=sums.unicode,
        offenders=dict(sums.offenders.most_common()),
        credits_as_gsm=sums.credits_as_gsm,
        warnings=warnings_of(kind),
    )


class _Sums:
    """Sums over texts; the same text is measured once in a row."""

    def __init__(self, kind: Kind[Any]) -> None:
        self._kind = kind
        self._last: tuple[str, text.TextMeasure, float] | None = None
        self.recipients = 0
        self.segments = 0
        self.credits = 0.0
        self.unicode = 0
        self.offenders: Counter[str] = Counter()
        self.credits_as_gsm = 0.0

    def add(self, items: Iterable[Any], *, abroad: bool) -> None:
        """Add recipients."""
        factor = ABROAD if abroad else 1.0
        for item in items:
            measure, as_gsm = self._measure(self._kind.content(item))
            self.recipients += 1
            self.segments += measure.segments
            self.credits += measure.credits * factor
            self.credits_as_gsm += as_gsm * factor
            if measure.offenders:
                self.unicode += 1
                self.offenders.update({offender.character for offender in measure.offenders})

    def _measure(self, content: str) -> tuple[text.TextMeasure, float]:
        if self._last is None or self._last[0] != content:
            measure = text.measure(content)
            as_gsm = measure.credits
            if measure.offenders:
                as_gsm = min(as_gsm, text.measure(text.to_gsm(content)).credits)
            self._last = (content, measure, as_gsm)
        return self._last[1], self._last[2]


def what_to_estimate(  # noqa: PLR0917 - the arguments of `estimate`, in its order
    content: str | None,
    destinations: Any,
    messages: Any,
    template: str | None,
    rows: Any,
    rule: Rule = phone.normalise,
) -> tuple[Kind[Any], Any, str]:
    """Choose what is to be estimated, how, and which argument it is.

    Raises:
        ValidationError: what was given does not go together.
    """
    given = {
        name
        for name, value in {
            "content": content,
            "destinations": destinations,
            "messages": messages,
            "template": template,
            "rows": rows,
        }.items()
        if value is not None
    }
    if content is not None and given == {"content", "destinations"}:
        kind = OneText({"content": checks.content(content)}, rule)
        return kind, destinations, "destinations"
    if template is not None and given == {"template", "rows"}:
        return FromTemplate(template, {"sender": "Estimate"}, rule=rule), rows, "rows"
    if given == {"messages"}:
        return EachItsText(rule=rule), messages, "messages"
    raise ValidationError(
        "give content and destinations, or messages, or template and rows", field="content"
    )
