"""The contents and the actions of each view."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from playwright.async_api import expect

from smsworks_async import AsyncSMSWorks, OutcomeUnknown
from smsworks_async.sandbox import ManualClock, Sandbox


pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = {"sender": "447700900000", "destination": "447700900123"}


async def test_search_and_filters_find_messages_and_can_be_linked_to(sms, tab):
    await sms.messages.send(**TEXT, content="Your order has left", tag="orders")
    await sms.messages.send(sender="AcmeCorp", destination="447700900124", content="Sale")
    await sms.messages.flash(sender="AcmeCorp", destination="447700900501", content="Now")
    await tab.open()
    search = tab.page.get_by_role("searchbox")
    for words, found in {
        "07700 900123": "left",
        "ORDER": "left",
        "orders": "left",
        "acmecorp": "Now",
        "(07700) 900-124": "Sale",
    }.items():
        await search.fill(words)
        await expect(tab.rows.first).to_contain_text(found)
        await expect(tab.page.get_by_text("match").first).to_be_visible()
    await search.fill("nothing of the kind")
    await expect(tab.page.get_by_text("No message matches")).to_be_visible()
    await search.fill("")
    await tab.page.get_by_role("combobox", name="Kind").select_option("flash")
    await expect(tab.rows).to_have_count(1)
    await expect(tab.rows.first).to_contain_text("5001")
    linked = tab.page.url
    await tab.page.goto(f"{tab.root}/#/account")
    await tab.page.goto(linked)
    await expect(tab.rows).to_have_count(1)
    await tab.page.get_by_role("combobox", name="Kind").select_option("")
    await expect(tab.rows).to_have_count(3)
    await tab.page.go_back()
    await expect(tab.rows).to_have_count(1)


async def test_pages_lead_to_what_is_older_and_back(sms, tab):
    numbers = [f"4477009000{n:02d}" for n in range(60)]
    await sms.batches.send(sender="AcmeCorp", content="Sale", destinations=numbers)
    await tab.open()
    await expect(tab.rows).to_have_count(50)
    await tab.page.get_by_role("link", name="Older").click()
    await expect(tab.rows).to_have_count(10)
    await expect(tab.rows.last).to_contain_text("07700 900000")
    await tab.page.go_back()
    await expect(tab.rows).to_have_count(50)
    await expect(tab.rows.first).to_contain_text("07700 900059")


async def test_message_shows_its_segments_its_request_and_its_metadata(sms, tab):
    content = "It\u2019s ready \U0001f4e6. " + "Come to our shop in Leeds by six. " * 3
    sent = await sms.messages.send(
        **TEXT, content=content, tag="orders", metadata={"order": "1882"}
    )
    await tab.open(f"messages/{sent.message_id}")
    bubble = tab.detail.locator(".current .bubble")
    await expect(bubble.locator(".segment")).to_have_count(2)
    assert (await bubble.locator("mark").all_inner_texts()) == ["\u2019", "\U0001f4e6"]
    await expect(bubble.locator("mark").first).to_have_attribute(
        "title", "U+2019 RIGHT SINGLE QUOTATION MARK"
    )
    shown = await bubble.locator(".segment").evaluate_all(
        "all => all.map(e => [...e.childNodes].slice(1).map(n => n.textContent).join('')).join('')"
    )
    assert shown == content
    await expect(tab.detail).to_contain_text("2 segments · Unicode · 2 credits")
    await expect(tab.detail).to_contain_text("order1882", use_inner_text=False)
    request, answer = await tab.detail.locator("pre").all_inner_texts()
    assert json.loads(request)["content"] == content
    assert json.loads(answer)["messageid"] == sent.message_id


async def test_message_is_on_the_phone_though_its_conversation_went_on(new_tab):
    async with (
        Sandbox(flooding=False) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        sent = await sms.messages.send(**TEXT, content="The first")
        for number in range(50):
            await sms.messages.send(**TEXT, content=f"Text {number}")
        tab = await new_tab(box)
        await tab.open(f"messages/{sent.message_id}")
        await expect(tab.detail.locator(".bubble-row")).to_have_count(51)
        await expect(tab.detail.locator(".current")).to_contain_text("The first")


async def test_message_of_a_large_batch_shows_its_request_and_leads_to_it(box, sms, tab):
    numbers = [f"4477009{n:05d}" for n in range(500)]
    await sms.batches.send(sender="AcmeCorp", content="Sale", destinations=numbers)
    await tab.open(f"messages/{box.messages[0].message_id}")
    await expect(tab.detail.locator("pre").first).to_contain_text("447700900499")
    await tab.detail.get_by_role("link", name="/batch/send").click()
    await expect(tab.detail.get_by_role("heading", level=2)).to_contain_text("POST /batch/send")
    assert "447700900499" in await tab.detail.locator("pre").first.inner_text()


async def test_acts_deliver_fail_and_report_again(new_tab):
    posted = []

    async def answer(request):
        posted.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/sms", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    async with (
        Sandbox(clock=ManualClock(), delivery_delay=60, delivery_report_url=url) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        first = await sms.messages.send(**TEXT, content="Hello")
        second = await sms.messages.send(**TEXT, content="Hello again")
        tab = await new_tab(box)
        await tab.open(f"messages/{first.message_id}")
        await tab.button("Deliver now").click()
        posts = tab.detail.locator(".posts > li")
        await expect(posts).to_have_count(1)
        await expect(posts.first).to_contain_text("200")
        await tab.button("Twice").click()
        await expect(posts).to_have_count(3)
        assert [one["status"] for one in posted] == ["DELIVERED"] * 3
        await tab.button("In 10 s").click()
        await expect(tab.page.get_by_text("Report follows in 10 s")).to_be_visible()
        await box.advance(11)
        await expect(posts).to_have_count(4)
        await tab.open(f"messages/{second.message_id}")
        await tab.page.get_by_label("Code of the failure").select_option("5008")
        await tab.button("Fail with this code").click()
        await expect(tab.detail.locator(".detail-title")).to_contain_text("Undelivered 5008")
        assert posted[-1]["failurereason"]["code"] == 5008
    await runner.cleanup()


async def test_acts_fire_and_cancel_a_schedule(new_tab):
    async with (
        Sandbox(clock=ManualClock(start=datetime(2031, 5, 6, 12, 0, tzinfo=UTC))) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        at = datetime.fromtimestamp(box.now, UTC) + timedelta(hours=1)
        ids = [
            (await sms.messages.schedule(**TEXT, content=text, at=at)).message_id
            for text in ("One", "Two")
        ]
        tab = await new_tab(box)
        await tab.open(f"messages/{ids[0]}")
        await tab.button("Send now").click()
        await expect(tab.detail.locator(".detail-title")).to_contain_text("Sent")
        await tab.open(f"messages/{ids[1]}")
        await tab.button("Cancel").click()
        await expect(tab.detail.locator(".detail-title")).to_contain_text("Cancelled")
        assert [one.status for one in box.messages] == ["SENT", "CANCELLED"]


async def test_passcode_is_shown_and_copied(box, sms, new_tab):
    sent = await sms.otp.send(sender="AcmeCorp", destination="447700900123")
    tab = await new_tab(box, permissions=["clipboard-read", "clipboard-write"])
    await tab.open(f"messages/{sent.message_id}")
    code = box.passcode_of("07700 900123")
    await expect(tab.detail.locator(".code-word")).to_have_text(code)
    await tab.button("Copy").click()
    await expect(tab.page.get_by_text("Passcode copied")).to_be_visible()
    assert await tab.page.evaluate("navigator.clipboard.readText()") == code


async def test_reply_reaches_the_inbox_and_the_conversation(sms, tab):
    sent = await sms.messages.send(**TEXT, content="Are you coming?")
    await tab.open(f"messages/{sent.message_id}")
    await tab.page.get_by_label("Reply as the handset").fill("Yes, at 8")
    await tab.page.keyboard.press("Enter")
    await expect(tab.detail.locator(".bubble-row.own")).to_contain_text("Yes, at 8")
    assert [one.content for one in await sms.messages.inbox()] == ["Yes, at 8"]


async def test_phone_cannot_reply_to_a_name(sms, tab):
    sent = await sms.messages.send(sender="AcmeCorp", destination="447700900123", content="Sale")
    await tab.open(f"messages/{sent.message_id}")
    await expect(tab.detail.get_by_text("A phone cannot reply to a name")).to_be_visible()
    await expect(tab.page.get_by_label("Reply as the handset")).to_be_hidden()


async def test_requests_show_faults_answers_and_unknown_fields(box, sms, tab):
    await tab.open("faults")
    await tab.page.get_by_role("button", name="Use: 503").click()
    await expect(tab.page.get_by_text("Not applied yet")).to_be_visible()
    with pytest.raises(OutcomeUnknown):
        await sms.messages.send(**TEXT, content="Hello")
    await expect(tab.page.locator(".struck.some")).to_contain_text("Applied to 1 request")
    await tab.page.get_by_role("link", name="Requests").click()
    await expect(tab.rows).to_have_count(1)
    await expect(tab.rows.last).to_contain_text("Fault: 503")
    await tab.rows.last.get_by_role("link").click()
    await expect(tab.detail).to_contain_text("the response is 503")
    await expect(tab.detail.locator("pre").first).to_contain_text('"content": "Hello"')
    await tab.open("faults")
    await tab.button("Clear all").click()
    await expect(tab.page.get_by_text("There are no active faults")).to_be_visible()
    await sms.messages.send(**TEXT, content="Hello")
    assert [one.status for one in box.requests] == [503, 201]


async def test_fault_of_ones_own_is_put_in_force_or_refused_in_words(box, tab):
    await tab.open("faults")
    page = tab.page
    await page.get_by_label("Path").fill("/message/sent")
    await tab.button("Add fault").click()
    await expect(page.get_by_role("alert").filter(has_text="did you mean")).to_be_visible()
    await page.get_by_label("Path").fill("/batch/send")
    await page.get_by_label("When").select_option("after")
    await page.get_by_role("textbox", name="Every").fill("2")
    await tab.button("Add fault").click()
    await expect(page.locator(".in-force > li")).to_contain_text("Every 2nd request: accepted")
    [fault] = [entry.fault for entry in box._simulator.faults.in_force]
    assert (fault.path, fault.when, fault.every) == ("/batch/send", "after", 2)


async def test_webhooks_show_each_attempt(new_tab):
    async with (
        Sandbox(delivery_delay=0, delivery_report_url="http://127.0.0.1:9/sms") as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        await sms.messages.send(**TEXT, content="Hello")
        tab = await new_tab(box)
        await tab.open("webhooks")
        await expect(tab.rows.first).to_contain_text("No response")
        await tab.rows.last.locator("summary").click()
        await expect(tab.rows.last).to_contain_text('"status": "DELIVERED"')
        await tab.rows.last.get_by_role("link").click()
        await expect(tab.detail.locator(".detail-title")).to_contain_text("07700 900123")


async def test_webhook_that_never_answers_is_shown_as_waiting(new_tab):
    over = asyncio.Event()

    async def never(_):
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/sms", never)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    async with (
        Sandbox(delivery_delay=0, delivery_report_url=url) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        await sms.messages.send(**TEXT, content="Hello")
        tab = await new_tab(box)
        await tab.open("webhooks")
        await expect(tab.rows).to_have_count(1)
        await expect(tab.rows.first).to_contain_text("Waiting")
        over.set()
        await expect(tab.rows.first).to_contain_text("200")
    await runner.cleanup()


async def test_account_sets_credits_turns_the_clock_and_resets_after_a_question(new_tab):
    async with (
        Sandbox(clock=ManualClock(), delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        await sms.messages.send(**TEXT, content="Hello")
        tab = await new_tab(box)
        await tab.open("account")
        await tab.page.get_by_label("New balance").fill("12.5")
        await tab.button("Set").click()
        await expect(tab.page.locator("output")).to_have_text("12.5 left")
        await tab.button("+ 1 minute").click()
        await expect(tab.page.get_by_text("The clock was advanced by 1 minute")).to_be_visible()
        assert box.messages[0].status == "DELIVERED"
        await tab.page.get_by_role("button", name="Reset the sandbox").click()
        await tab.button("Cancel").click()
        assert len(box.messages) == 1
        await tab.page.get_by_role("button", name="Reset the sandbox").click()
        await tab.button("Reset").click()
        await expect(tab.page.locator("output")).to_have_text("10,000 left")
        assert box.messages == []


async def test_incoming_text_is_taken_in_from_a_form(box, sms, tab):
    await tab.open()
    await tab.button("Incoming text").click()
    form = tab.page.get_by_role("dialog")
    await form.get_by_label("From").fill("07700 900124")
    await form.get_by_label("Text").fill("Hello there")
    await form.get_by_role("button", name="Send").click()
    await expect(tab.rows.first).to_contain_text("07700 900124")
    [message] = await sms.messages.inbox()
    assert (message.sender, message.content) == ("447700900124", "Hello there")


async def test_address_of_nothing_says_so(sms, tab):
    await tab.open("messages/404")
    await expect(tab.page.get_by_text("Message not found")).to_be_visible()
    await tab.open("requests/404")
    await expect(tab.page.get_by_text("Request not found")).to_be_visible()
    await tab.open("nonsense?x=%E0%A4%A")
    await expect(tab.page).to_have_url(f"{tab.root}/#/messages")
    await tab.open("messages?unknown=1")
    await expect(tab.page.get_by_text("No messages yet")).to_be_visible()
    await sms.messages.send(**TEXT, content="Hello")
    await expect(tab.rows).to_have_count(1)
