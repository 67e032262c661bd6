"""The implementation of ``smsworks campaign report``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from smsworks_async import phone
from smsworks_async._csv_files import written_whole
from smsworks_async.cli._campaign_records import status_record
from smsworks_async.cli._report import axes
from smsworks_async.cli._report.facts import CampaignFacts, Series
from smsworks_async.cli._report.gather import gather
from smsworks_async.cli._report.page import last_of, outcomes, render, warnings
from smsworks_async.errors import ConfigurationError


if TYPE_CHECKING:
    from smsworks_async import AsyncSMSWorks
    from smsworks_async.cli._app import App


#: The numbers of reasons and of recipients that are shown as text.
_REASONS: Final = 12
_RECIPIENTS: Final = 10


async def run(
    app: App, journal: str, campaign: str, *, html: str | None, numbers: bool, offline: bool
) -> None:
    """Gather the facts of a campaign, and write the report.

    Args:
        app: the run of the command.
        journal: the path or URL of the journal.
        campaign: the campaign's name.
        html: the path of the HTML page to write; None to write to standard output.
        numbers: show whole phone numbers instead of the last three digits.
        offline: read only the journal, and make no request.
    """
    if offline:
        facts = await gather(None, journal, campaign, not_asked="--offline was given.")
    else:
        async with _client(app) as sms:
            facts = await gather(sms, journal, campaign)
    if html is not None:
        with written_whole(html) as file:
            file.write(render(facts, numbers=numbers))
    if app.json:
        app.out.record({**record(facts, numbers=numbers), "file": html})
    elif html is not None:
        app.out.line(f"the report of {campaign} is in {html}")
    else:
        _show(app, facts, numbers=numbers)


def _client(app: App) -> AsyncSMSWorks:
    try:
        return app.async_client()
    except ConfigurationError as error:
        error.add_note("--offline makes a report from the journal alone")
        raise


def record(facts: CampaignFacts, *, numbers: bool) -> dict[str, Any]:
    """Return the facts as a JSON record."""
    delivery = facts.delivery
    return {
        **status_record(facts.status),
        "begun": facts.begun,
        "sender": facts.sender,
        "accepted_twice": facts.accepted_twice,
        "accepted_over_time": _points(facts.accepted),
        "delivery": None
        if delivery is None
        else {
            "delivered": delivery.delivered,
            "failed": delivery.failed,
            "waiting": delivery.waiting,
            "credits": delivery.credits,
            "over_time": _points(delivery.over_time),
        },
        "failures": [
            {"stage": one.stage, "reason": one.reason, "count": one.count} for one in facts.failures
        ],
        "opted_out_since": None if facts.list_is_elsewhere else last_of(facts.opted_out),
        "not_reached": [
            {
                "position": one.position,
                "number": one.number if numbers else phone.mask(one.number),
                "outcome": one.outcome,
                "reason": one.reason,
            }
            for one in facts.troubles
        ],
        "not_reached_left_out": facts.troubles_left_out,
    }


def _points(series: Series) -> list[dict[str, Any]]:
    return [{"at": at, "count": count} for at, count in series]


def _show(app: App, facts: CampaignFacts, *, numbers: bool) -> None:
    """Write the facts as text."""
    out, status, delivery = app.out, facts.status, facts.delivery
    out.line(f"{status.campaign}: {status.state}, {status.read:,} recipients")
    out.fields(
        [
            (part.label.lower(), f"{part.words:>9}  {axes.share(part.value, status.read)}")
            for part in outcomes(facts)
            if part.value
        ]
    )
    credits = f"{axes.figure(facts.credits):>9}  estimated"
    if delivery is not None:
        credits = f"{axes.figure(delivery.credits):>9}  {axes.figure(facts.credits)} estimated"
    since = None if facts.list_is_elsewhere else f"{axes.figure(last_of(facts.opted_out)):>9}"
    out.fields([("credits", credits), ("opted out since", since)])
    reasons = Counter({(one.stage, one.reason): one.count for one in facts.failures})
    if reasons:
        out.line()
        rows = [(f"{n:,}", stage, why) for (stage, why), n in reasons.most_common(_REASONS)]
        out.table(["Failures", "When", "Reason"], rows, right=[0], last_wraps=True)
    if facts.troubles:
        out.line()
        listed = [
            (
                "" if one.position is None else f"{one.position + 1:,}",
                one.number if numbers else phone.mask(one.number),
                one.outcome,
                one.reason,
            )
            for one in facts.troubles[:_RECIPIENTS]
        ]
        headings = ["Place", "Number", "Outcome", "Reason"]
        out.table(headings, listed, right=[0], last_wraps=True)
        left = len(facts.troubles) - len(listed) + facts.troubles_left_out
        if left:
            out.line(f"and {left:,} more")
    for warning in warnings(facts):
        out.notice(warning)
