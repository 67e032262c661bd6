"""Render a campaign's report as one HTML document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import resources
from typing import Final

from smsworks_async import phone
from smsworks_async._version import __version__
from smsworks_async.cli._report import axes
from smsworks_async.cli._report.charts import Line, Part, bars, over_time, parts_bar
from smsworks_async.cli._report.facts import CampaignFacts, Delivery
from smsworks_async.cli._report.markup import Markup, escape, join, tag
from smsworks_async.models.window import DAY_NAMES


#: The page may not load or run anything, whatever text it contains.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
#: The number of reasons that are drawn; the others are added up.
_REASONS: Final = 12
_STAGE_COLOURS: Final = {"set aside": "wrong", "rejected": "bad", "not delivered": "miss"}


def render(facts: CampaignFacts, *, numbers: bool = False) -> str:
    """Return a campaign's report as a self-contained HTML document.

    Args:
        facts: the data of the report.
        numbers: show whole phone numbers instead of the last three digits (default False).
    """
    title = f"Campaign {facts.status.campaign}"
    style = resources.files("smsworks_async.cli._report").joinpath("style.css").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        Markup(f"<style>{style}</style>"),  # the package's own, without markup characters
    )
    body = tag(
        "body",
        _heading(facts),
        *(tag("p", warning, class_="warning") for warning in warnings(facts)),
        _tiles(facts),
        *_figures(facts),
        _message(facts),
        _troubles(facts, numbers=numbers),
        _batches(facts),
        _footer(numbers=numbers),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, "\n", body, lang="en") + "\n"


def _heading(facts: CampaignFacts) -> Markup:
    status = facts.status
    made = f"As of {axes.as_written(facts.made, facts.zone)}. Times are in {facts.zone_name}."
    return tag(
        "header",
        tag(
            "h1",
            tag("bdi", status.campaign),
            tag("span", status.state, class_=f"state {status.state}"),
        ),
        tag("p", made, class_="soft"),
    )


def warnings(facts: CampaignFacts) -> Iterator[str]:
    """Yield the warnings that are shown above the figures."""
    status = facts.status
    if status.why:
        yield f"The campaign is {status.state}: {status.why}"
    if facts.accepted_twice:
        yield (
            f"{axes.figure(facts.accepted_twice)} texts were accepted a second time: their "
            "recipients may have received them twice."
        )
    if status.unknown:
        yield (
            f"It is unknown whether the text was sent to {axes.figure(status.unknown)} recipients. "
            "To find out, run smsworks campaign reconcile."
        )
    if status.in_flight:
        yield f"The text is being sent to {axes.figure(status.in_flight)} recipients."
    if status.not_sent and status.state == "running":
        yield f"The text has not been sent to {axes.figure(status.not_sent)} recipients yet."
    if status.forgotten is not None:
        when = axes.as_written(status.forgotten, facts.zone)
        yield f"Its numbers and texts were erased on {when}; only counts are left."
    if facts.delivery is None and facts.not_asked:
        yield f"Deliveries are not shown: {facts.not_asked}"


def _tile(name: str, value: object, remark: str = "") -> Markup:
    return tag(
        "div",
        tag("dt", name),
        tag("dd", tag("div", value, class_="big"), tag("div", remark, class_="small")),
        class_="tile",
    )


def _tiles(facts: CampaignFacts) -> Markup:
    status, delivery = facts.status, facts.delivery
    set_aside = status.invalid + status.duplicates
    tiles = [
        _tile("Read", axes.figure(status.read), _count(set_aside, "set aside")),
        _tile(
            "Accepted",
            axes.figure(status.accepted),
            _of(status.accepted, status.read - set_aside, "of valid recipients"),
        ),
    ]
    if delivery is not None:
        tiles += [
            _tile(
                "Delivered",
                axes.figure(delivery.delivered),
                _of(delivery.delivered, status.accepted, "of accepted"),
            ),
            _tile(
                "Not delivered",
                axes.figure(delivery.failed),
                _of(delivery.failed, status.accepted, "of accepted"),
            ),
        ]
    charged = facts.credits if delivery is None else delivery.credits
    remark = "estimated" if delivery is None else f"{axes.figure(facts.credits)} estimated"
    tiles += [
        _tile("Credits", axes.figure(charged), remark),
        _tile(
            "Opted out since",
            "–" if facts.list_is_elsewhere else axes.figure(last_of(facts.opted_out)),  # noqa: RUF001
            _count(status.opted_out, "left out before"),
        ),
    ]
    return tag("dl", *tiles, class_="tiles")


def _count(count: int, words: str) -> str:
    return f"{axes.figure(count)} {words}" if count else ""


def _of(part: int, whole: int, words: str) -> str:
    percent = axes.share(part, whole)
    return f"{percent} {words}" if percent else ""


def last_of(series: Sequence[tuple[object, int]]) -> int:
    """Return the last count of a series; 0 if it is empty."""
    return series[-1][1] if series else 0


def _figure(heading: str, *contents: object) -> Markup:
    return tag("section", tag("h2", heading), tag("figure", *contents))


def _figures(facts: CampaignFacts) -> Iterator[Markup]:
    yield _figure("Outcomes", parts_bar("Outcomes of all recipients", outcomes(facts)))
    lines = [Line("accepted", facts.accepted, "blue")]
    if facts.delivery is not None:
        lines.append(Line("delivered", facts.delivery.over_time, "good"))
    heading = "Accepted over time" if facts.delivery is None else "Delivered over time"
    yield _timeline(facts, heading, lines, "Nothing has been accepted yet.")
    yield _figure("Failures by reason", _failures(facts))
    yield _figure("Credits", _credits(facts))
    if facts.list_is_elsewhere:
        elsewhere = "The campaign uses an opt-out list that is not in its journal."
        yield _figure("Opt-outs", tag("p", elsewhere, class_="soft"))
    else:
        lines = [Line("opted out", facts.opted_out, "out")]
        nobody = "No recipient of the text has opted out since the campaign was planned."
        heading = "Opt-outs since the campaign was planned"
        yield _timeline(facts, heading, lines, nobody, since=facts.begun)


def _timeline(
    facts: CampaignFacts,
    heading: str,
    lines: list[Line],
    nothing: str,
    since: datetime | None = None,
) -> Markup:
    drawn = [line for line in lines if line.series]
    if not drawn:
        return _figure(heading, tag("p", nothing, class_="soft"))
    return _figure(heading, over_time(heading, drawn, facts.zone, since=since))


def outcomes(facts: CampaignFacts) -> list[Part]:
    """Return the numbers of recipients, by outcome; they add up to the number read."""
    status, delivery = facts.status, facts.delivery
    if delivery is None:
        accepted = [Part("Accepted", status.accepted, "good")]
    else:
        known = delivery.delivered + delivery.failed + delivery.waiting
        accepted = [
            Part("Delivered", delivery.delivered, "good"),
            Part("On the way", delivery.waiting, "way"),
            Part("Accepted, without a record", max(status.accepted - known, 0), "blue"),
            Part("Not delivered", delivery.failed, "miss"),
        ]
    return [
        *accepted,
        Part("Rejected", status.rejected, "bad"),
        Part("Unknown whether sent", status.unknown, "doubt"),
        Part("Being sent", status.in_flight, "blue"),
        Part("Not sent", status.not_sent, "idle"),
        Part("Opted out before", status.opted_out, "out"),
        Part("Invalid, set aside", status.invalid, "wrong"),
        Part("Repeats, set aside", status.duplicates, "again"),
    ]


def _failures(facts: CampaignFacts) -> Markup:
    if not facts.failures:
        return tag("p", "There were none.", class_="soft")
    ordered = sorted(facts.failures, key=lambda failure: -failure.count)
    shown = [
        Part(one.reason, one.count, _STAGE_COLOURS.get(one.stage, "bad"))
        for one in ordered[:_REASONS]
    ]
    rest = ordered[_REASONS:]
    if rest:
        shown.append(Part(f"{len(rest)} other reasons", sum(one.count for one in rest), "idle"))
    stages = [stage for stage in _STAGE_COLOURS if any(one.stage == stage for one in ordered)]
    key = tag(
        "p", *(tag("span", _swatch(_STAGE_COLOURS[stage]), stage) for stage in stages), class_="key"
    )
    return join((bars("Failures by reason", shown), key))


def _swatch(colour: str) -> Markup:
    square = tag("rect", width=12, height=12, rx=2, class_=colour)
    return tag("svg", square, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")


def _credits(facts: CampaignFacts) -> Markup:
    delivery = facts.delivery
    if delivery is None:
        words = (
            f"About {axes.figure(facts.credits)} credits for the accepted messages, as estimated "
            "by the journal."
        )
        return tag("p", words, class_="soft")
    if not delivery.credits:
        return tag("p", "Nothing was charged.", class_="soft")
    picture = parts_bar(
        "Credits charged, by the messages' outcome",
        [
            Part("For delivered messages", delivery.credits_delivered, "good"),
            Part("For messages on the way", delivery.credits_waiting, "way"),
            Part("For messages not delivered", delivery.credits_failed, "miss"),
        ],
    )
    words = _credit_words(facts.credits, delivery)
    return join((picture, tag("p", words, class_="soft")))


def _credit_words(estimated: float, delivery: Delivery) -> str:
    words = f"{axes.figure(delivery.credits)} credits, according to the provider's records"
    if round(estimated - delivery.credits, 2) == 0:
        return f"{words}; the same was estimated when the requests were accepted."
    return (
        f"{words}; {axes.figure(estimated)} were estimated when the requests were accepted. The "
        "provider refunds most texts to the UK that are not delivered."
    )


def _message(facts: CampaignFacts) -> Markup:
    status = facts.status
    rows: list[tuple[str, object]] = []
    if facts.sender is not None:
        rows.append(("Sender", tag("bdi", facts.sender)))
    if facts.begun is not None:
        rows.append(("Planned", axes.as_written(facts.begun, facts.zone)))
    if facts.accepted:
        first, last = facts.accepted[0][0], facts.accepted[-1][0]
        rows.append(("First accepted", axes.as_written(first, facts.zone)))
        rows.append(("Last accepted", axes.as_written(last, facts.zone)))
    if status.at is not None:
        rows.append(("Due", axes.as_written(status.at, facts.zone)))
    if status.window is not None:
        days = ", ".join(DAY_NAMES[day] for day in sorted(status.window.days))
        rows.append(("Sending hours", f"{status.window} ({days})"))
    if status.rounds:
        sent_again = f"{status.rounds} times; {axes.figure(status.sent_again)} accepted"
        rows.append(("Sent again to those not reached", sent_again))
    bubble = (
        () if facts.content is None else (tag("div", facts.content, class_="bubble", dir="auto"),)
    )
    listed = tag(
        "dl",
        *(tag(n, v) for row in rows for n, v in zip(("dt", "dd"), row, strict=True)),
        class_="facts",
    )
    return tag("section", tag("h2", "Message"), *bubble, tag("p"), listed)


def _table(headings: Sequence[str], rows: Sequence[Sequence[Markup]], numeric: set[int]) -> Markup:
    head = tag(
        "tr",
        *(
            tag("th", heading, scope="col", class_="number" if index in numeric else None)
            for index, heading in enumerate(headings)
        ),
    )
    table = tag("table", tag("thead", head), tag("tbody", *(tag("tr", *row) for row in rows)))
    return tag("div", table, class_="table")


def _number(value: object) -> Markup:
    return tag("td", value, class_="number")


def _troubles(facts: CampaignFacts, *, numbers: bool) -> Markup:
    if not facts.troubles:
        return Markup()
    rows = [
        (
            _number("" if one.position is None else axes.figure(one.position + 1)),
            tag("td", tag("bdi", one.number if numbers else phone.mask(one.number))),
            tag("td", one.outcome),
            tag("td", one.reason),
        )
        for one in facts.troubles
    ]
    left = facts.troubles_left_out
    more = (
        f"And {axes.figure(left)} more; smsworks campaign export writes all of them to a file."
        if left
        else ""
    )
    return tag(
        "section",
        tag("h2", "Recipients not reached"),
        _table(("Place", "Number", "Outcome", "Reason"), rows, {0}),
        tag("p", more, class_="soft"),
    )


def _batches(facts: CampaignFacts) -> Markup:
    if not facts.batches:
        return Markup()
    asked = facts.delivery is not None
    rows = [
        (
            _number(batch.number + 1),
            _number(axes.figure(batch.size)),
            tag("td", batch.outcome),
            *((_number(_known(batch.delivered)), _number(_known(batch.failed))) if asked else ()),
            tag("td", "" if batch.at is None else f"{batch.at.astimezone(facts.zone):%H:%M:%S}"),
            _number(batch.attempts),
            tag("td", batch.batch_id or "", class_="id"),
        )
        for batch in facts.batches
    ]
    headings = (
        *("Request", "Recipients", "Outcome"),
        *(("Delivered", "Not delivered") if asked else ()),
        *("Accepted", "Attempts", "Batch"),
    )
    left = facts.batches_left_out
    more = f"And {axes.figure(left)} more." if left else ""
    return tag(
        "section",
        tag("h2", "Requests"),
        _table(headings, rows, {0, 1, 3, 4, 6} if asked else {0, 1, 4}),
        tag("p", more, class_="soft"),
    )


def _known(count: int | None) -> str:
    return "" if count is None else axes.figure(count)


def _footer(*, numbers: bool) -> Markup:
    masked = (
        "This page has whole phone numbers: protect it like the list of recipients."
        if numbers
        else "Only the last three digits of numbers are shown; use --numbers to show them whole."
    )
    return tag("footer", escape(f"smsworks-async {__version__}. {masked}"))
