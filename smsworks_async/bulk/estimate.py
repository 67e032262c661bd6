"""Estimates of the cost of a bulk run before it is sent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import attrs

from smsworks_async import phone, text
from smsworks_async.bulk.chunk import Payload
from smsworks_async.bulk.costs import Prices, exceeds
from smsworks_async.bulk.hints import (
    asks_for_reply,
    hint_on_replies,
    hint_on_sender,
    hint_on_way_out,
    names_way_out,
    takes_replies,
)
from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.bulk.payloads import (
    DestinationRule,
    PersonalTexts,
    SharedText,
    TemplatedTexts,
    warnings_of,
)
from smsworks_async.bulk.recipients import Reader, slices
from smsworks_async.errors import ValidationError
from smsworks_async.models import checks
from smsworks_async.models.report import Reason
from smsworks_async.models.values import is_missing


T = TypeVar("T")

# One chunk per slice: the size of chunks does not matter here.
_CHUNK = 500
#: The number of sample texts in an estimate.
_SAMPLES: Final = 3


@attrs.frozen(kw_only=True)
class BulkEstimate:
    """The estimated cost of a bulk run.

    Attributes:
        recipients: the number of recipients to send to.
        invalid: the number of invalid recipients.
        duplicates: the number of duplicates of earlier recipients.
        opted_out: the number of recipients that would be left out because they have opted out.
        segments: the total number of SMS parts.
        credits: the total cost in credits.
        unicode: the number of recipients with a Unicode text, where a credit pays for 70 characters
            instead of 160.
        offenders: the characters that require Unicode, with the number of recipients for each.
        credits_as_gsm: the cost if `text.to_gsm` were applied to every text.
        costs_abroad: the credits for one text by country outside the UK (two letters of ISO 3166);
            2 if the API does not know the price.
        balance: the account's credits; None if it was not read.
        samples: the first different texts, at most three.
        warnings: content that would be sent unchanged and is probably a mistake: names in braces,
            texts without a way to opt out, sender IDs that UK operators block.
    """

    recipients: int = 0
    invalid: int = 0
    duplicates: int = 0
    opted_out: int = 0
    segments: int = 0
    credits: float = 0.0
    unicode: int = 0
    offenders: Mapping[str, int] = attrs.field(factory=dict, hash=False)
    credits_as_gsm: float = 0.0
    costs_abroad: Mapping[str, float] = attrs.field(factory=dict, hash=False)
    balance: float | None = None
    samples: tuple[str, ...] = attrs.field(default=(), repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def saved_by_gsm(self) -> float:
        """The credits that `text.to_gsm` would save."""
        return self.credits - self.credits_as_gsm

    @property
    def affordable(self) -> bool | None:
        """Whether the balance is sufficient; None if it was not read."""
        return None if self.balance is None else not exceeds(self.credits, self.balance)


async def estimate(
    payload: Payload[T],
    values: Iterable[Any] | AsyncIterable[Any],
    *,
    deduplicate: bool,
    prices: Prices,
    opt_outs: OptOutView | None = None,
) -> BulkEstimate:
    """Read all recipients, and return their estimated cost.

    Args:
        payload: the payload.
        values: the recipients.
        deduplicate: whether duplicates are excluded.
        prices: the prices of texts by country.
        opt_outs: the opt-outs to leave out, or None.

    Raises:
        APIError: the API rejected the request for a price.
        JournalError: the opt-out list cannot be read.
    """
    if opt_outs is not None:
        await opt_outs.refresh()
    reader = Reader(payload, _CHUNK, deduplicate=deduplicate)
    sums = _Sums(payload, opt_outs)
    async for some in slices(values):
        for chunk in reader.feed(some):
            sums.add(chunk.items, international=chunk.international)
        reader.problems.clear()
        await asyncio.sleep(0)  # lets other tasks run, and allows cancellation
    for chunk in reader.flush():
        sums.add(chunk.items, international=chunk.international)
    costs = {country: await prices.of(country) for country in sorted(sums.international)}
    sums.price(costs)
    return BulkEstimate(
        recipients=sums.recipients,
        invalid=reader.set_aside[Reason.INVALID],
        duplicates=reader.set_aside[Reason.DUPLICATE],
        opted_out=sums.opted_out,
        segments=sums.segments,
        credits=sums.credits,
        unicode=sums.unicode,
        offenders=dict(sums.offenders.most_common()),
        credits_as_gsm=sums.credits_as_gsm,
        samples=tuple(sums.samples),
        warnings=(*warnings_of(payload), *sums.hints()),
        costs_abroad={country: price for country, price in costs.items() if country},
    )


class _Text(NamedTuple):
    """A measured text."""

    content: str
    measure: text.TextMeasure
    credits_as_gsm: float
    names_way_out: bool
    asks_for_reply: bool


def _measure(content: str) -> _Text:
    measure = text.measure(content)
    as_gsm = measure.credits
    if measure.offenders:
        as_gsm = min(as_gsm, text.measure(text.to_gsm(content)).credits)
    return _Text(content, measure, as_gsm, names_way_out(content), asks_for_reply(content))


class _Sums:
    """Totals over texts. A text is measured once for consecutive recipients.

    Args:
        payload: the payload.
        opt_outs: the opt-outs to leave out, or None.
    """

    def __init__(self, payload: Payload[Any], opt_outs: OptOutView | None) -> None:
        self._payload = payload
        self._opt_outs = opt_outs
        self._last: _Text | None = None
        self._silent = 0
        self._unanswerable = 0
        self._on_senders: dict[str, None] = {}
        self.opted_out = 0
        self.samples: list[str] = []
        self.recipients = 0
        self.segments = 0
        self.credits = 0.0
        self.unicode = 0
        self.offenders: Counter[str] = Counter()
        self.credits_as_gsm = 0.0
        #: Credits at the UK price, and the same as GSM, by country; "" for an unknown country.
        self.international: dict[str, list[float]] = {}

    def add(self, items: Sequence[Any], *, international: bool) -> None:
        """Add recipients."""
        for item in self._respected(items):
            content, measure, as_gsm, names, asks = self._text(self._payload.content(item))
            self.recipients += 1
            self._silent += not names
            self._unanswerable += asks and not takes_replies(self._sender(item))
            if len(self.samples) < _SAMPLES and content not in self.samples:
                self.samples.append(content)
            self.segments += measure.segments
            if international:
                country = Prices.country(self._payload.destination(item))
                of_country = self.international.setdefault(country, [0.0, 0.0])
                of_country[0] += measure.credits
                of_country[1] += as_gsm
            else:
                self.credits += measure.credits
                self.credits_as_gsm += as_gsm
            if measure.offenders:
                self.unicode += 1
                self.offenders.update({offender.character for offender in measure.offenders})

    def price(self, costs: Mapping[str, float]) -> None:
        """Add the costs outside the UK, given the cost of a text in each country."""
        for country, (credits, as_gsm) in self.international.items():
            self.credits += credits * costs[country]
            self.credits_as_gsm += as_gsm * costs[country]

    def hints(self) -> list[str]:
        """Return the hints about texts and senders."""
        is_shared = isinstance(self._payload, SharedText)
        hint = hint_on_way_out(self._silent, self.recipients, is_shared=is_shared)
        replies = hint_on_replies(self._unanswerable, self.recipients, is_shared=is_shared)
        return [*filter(None, (hint, replies, *self._on_senders))]

    def _respected(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return the items that would be sent, and count the others."""
        view, destination = self._opt_outs, self._payload.destination
        if view is None or view.is_empty or not view.leaves_out(map(destination, items)):
            kept = items
        else:
            kept = [item for item in items if not view.is_out(destination(item))]
        self.opted_out += len(items) - len(kept)
        self._note_senders(kept)
        return kept

    def _sender(self, item: Any) -> str:
        if isinstance(self._payload, SharedText):  # all have the same sender, if any
            return str(self._payload.shared.get("sender", ""))
        return self._payload.sender(item)

    def _note_senders(self, items: Sequence[Any]) -> None:
        if isinstance(self._payload, SharedText):
            senders = {self._payload.shared.get("sender", "")}
        else:
            senders = set(map(self._payload.sender, items))
        self._on_senders |= dict.fromkeys(map(hint_on_sender, sorted(senders)))

    def _text(self, content: str) -> _Text:
        if self._last is None or self._last.content != content:
            self._last = _measure(content)
        return self._last


def choose_payload(  # noqa: PLR0917 - the arguments of `estimate`, in its order
    content: str | None,
    destinations: Any,
    messages: Any,
    template: str | None,
    rows: Any,
    sender: str | None = None,
    rule: DestinationRule = phone.normalise,
) -> tuple[Payload[Any], Any, str]:
    """Return the payload to estimate, its recipients, and the name of their argument.

    Raises:
        ValidationError: the arguments do not fit together.
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
    named = {} if is_missing(sender) else {"sender": checks.sender(sender)}
    if content is not None and given == {"content", "destinations"}:
        payload = SharedText({"content": checks.content(content), **named}, rule)
        return payload, destinations, "destinations"
    if template is not None and given == {"template", "rows"}:
        return TemplatedTexts(template, {"sender": "Estimate", **named}, rule=rule), rows, "rows"
    if given == {"messages"} and named:
        raise ValidationError("messages have their own senders", field="sender")
    if given == {"messages"}:
        return PersonalTexts(rule=rule), messages, "messages"
    raise ValidationError(
        "pass content and destinations, or messages, or template and rows", field="content"
    )
