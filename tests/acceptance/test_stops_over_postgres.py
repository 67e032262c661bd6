"""STOP replies that one process receives while three others send a campaign in PostgreSQL."""

from __future__ import annotations

import random
import time

from smsworks_async import AsyncSMSWorks, Outcome
from smsworks_async.journals import PostgresJournal
from smsworks_async.sandbox import Fault
from support.sandboxes import AT_ONCE
from support.shares import CHUNKS, NAME, SLOW, scene
from support.stops import claims_of
from support.webhook_servers import REPLY, serving


REPLIES = 50
#: How often sending is paused, so that replies arrive before, between and after all claims.
HOLDS = 8 if SLOW else 2
SLOWLY = Fault(path="/batch/send", when="hold", delay=0.05, times=0)


async def test_work_claims_nobody_whose_stop_a_webhook_has_answered(
    postgres_url, tmp_path, record_property
):
    chance = random.Random(20310503)
    answered = {}
    async with (
        scene(postgres_url, tmp_path) as campaign,
        AsyncSMSWorks(
            campaign.box.token, base_url=campaign.box.base_url, journal=postgres_url, retry=AT_ONCE
        ) as sms,
        serving("aiohttp", client=sms) as provider,
    ):

        async def reply(count):
            for number in chance.sample(sorted(set(campaign.people) - answered.keys()), count):
                stop = {"messageid": f"reply-{number}", "from": number, "content": "STOP"}
                assert await provider.post({**REPLY, **stop}) == 200
                answered[number] = time.time()

        await campaign.start()
        each = REPLIES // HOLDS // 2
        # Later there may be too few to be held, since whole chunks are left out.
        while campaign.posts < CHUNKS // 2 and len(answered) + 2 * each <= REPLIES:
            assert await campaign.hold(after=0.05)
            await reply(each)
            campaign.release()
            campaign.box.add_fault(SLOWLY)
            await reply(each)
        campaign.release()
        await reply(REPLIES - len(answered))
        reports = await campaign.said()
        report = await sms.bulk.reconcile(NAME, settle=0)
        messages = list(campaign.box.messages)
    journal = PostgresJournal(postgres_url)
    claims, _ = await claims_of(journal, NAME)
    await journal.close()
    assert len(answered) == REPLIES
    late = [
        message.destination
        for message in messages
        if claims[message.batch_id] > answered.get(message.destination, float("inf"))
    ]
    assert not late
    texted = [message.destination for message in messages]
    left_out = {
        number
        for batch in report.batches
        if batch.outcome is Outcome.OPTED_OUT
        for number in batch.destinations
    }
    assert len(texted) == len(set(texted)), "nobody twice"
    assert set(texted) | left_out == set(campaign.people), "nobody is lost"
    assert not left_out & set(texted)
    assert left_out <= answered.keys()
    assert all(one["error"] is None and one["adds_up"] for one in reports)
    assert report.adds_up
    assert (report.accepted, report.opted_out) == (len(texted), len(left_out))
    assert report.opted_out > 0
    record_property(
        "figures",
        f"{len(campaign.people)} recipients, {REPLIES} replies: {len(left_out)} left out, "
        f"{len(answered.keys() & set(texted))} texted before, 0 claimed afterwards",
    )
