"""An estimate counts opted-out recipients, and samples only the others."""

from __future__ import annotations

import pytest

from smsworks_async import AsyncSMSWorks
from smsworks_async.journals import MemoryJournal
from support.messages import drama
from support.sandboxes import AT_ONCE


@pytest.fixture
async def listed(box):
    """A client with a list on which the first two numbers have opted out."""
    settings = {"base_url": box.base_url, "retry": AT_ONCE, "opt_outs": MemoryJournal()}
    async with AsyncSMSWorks(box.token, **settings) as client:
        for number in drama(3):
            await client.opt_outs.add(number)
        await client.opt_outs.remove(drama(3)[2])
        yield client


async def test_estimate_leaves_out_who_has_opted_out(listed):
    people = [*drama(5), *drama(1), "nobody"]
    found = await listed.bulk.estimate(content="a" * 161, destinations=people)
    counts = (found.recipients, found.opted_out, found.duplicates, found.invalid)
    assert counts == (3, 2, 1, 1)
    assert (found.credits, found.segments) == (6, 6)


async def test_estimate_agrees_with_the_run(listed):
    rows = [{"destination": number, "name": f"n{number[-2:]}"} for number in drama(5)]
    template = {"template": "Hi {name}", "rows": rows}
    found = await listed.bulk.estimate(**template)
    report = await listed.bulk.send_each(**template, sender="AcmeCorp")
    assert (found.recipients, found.opted_out) == (report.accepted, report.opted_out) == (3, 2)
    assert found.credits == report.credits
    # Left-out recipients are not sampled.
    assert found.samples == ("Hi n02", "Hi n03", "Hi n04")


async def test_estimate_counts_all_where_opt_outs_are_not_respected(listed):
    found = await listed.bulk.estimate(content="Hi", destinations=drama(5), respect_opt_outs=False)
    assert (found.recipients, found.opted_out) == (5, 0)


async def test_estimate_without_a_list_leaves_nobody_out(sms):
    found = await sms.bulk.estimate(content="Hi", destinations=drama(5))
    assert (found.recipients, found.opted_out) == (5, 0)


async def test_samples_are_the_first_texts_that_differ(sms):
    names = ["Ada", "Ada", "Bo", "Cy", "Di"]
    rows = [{"destination": n, "name": name} for n, name in zip(drama(5), names, strict=True)]
    found = await sms.bulk.estimate(template="Hi {name}", rows=rows, balance=False)
    assert found.samples == ("Hi Ada", "Hi Bo", "Hi Cy")
    assert "Ada" not in repr(found)
    found = await sms.bulk.estimate(content="Hi all", destinations=drama(2), balance=False)
    assert found.samples == ("Hi all",)
