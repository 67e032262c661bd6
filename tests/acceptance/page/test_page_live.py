"""The page follows the sandbox without a reload, in one or two tabs and over restarts."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import ManualClock, Sandbox
from support.sandboxes import AT_ONCE
from support.waiting import until


pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = {"sender": "447700900000", "destination": "447700900123"}


async def send(sms, content, **fields):
    return (await sms.messages.send(**{**TEXT, "content": content, **fields})).message_id


async def test_list_shows_a_text_that_the_sdk_sends_without_a_reload(box, sms, tab):
    await tab.open()
    await expect(tab.page.get_by_text("No messages yet")).to_be_visible()
    await send(sms, "Hello")
    await expect(tab.rows).to_have_count(1)
    await expect(tab.rows.first).to_contain_text("07700 900123")
    await expect(tab.rows.first).to_contain_text("Hello")
    await expect(tab.rows.first).to_contain_text("Delivered")
    await box.reply("07700 900123", "Good morning")
    await expect(tab.rows.first).to_contain_text("Good morning")
    assert tab.documents == 1


async def test_list_takes_a_batch_of_500_at_once(sms, tab):
    await tab.open()
    numbers = [f"4477009{n:05d}" for n in range(500)]
    await sms.batches.send(sender="AcmeCorp", content="Sale", destinations=numbers)
    await expect(tab.page.get_by_text("500 messages")).to_be_visible()
    await expect(tab.rows).to_have_count(50)


async def test_list_is_fetched_once_at_a_time_however_much_arrives(sms, tab):
    under_way = [0]

    async def count(route):
        under_way.append(under_way[-1] + 1)
        response = await route.fetch()
        # More messages arrive before the page has the response.
        await send(sms, f"Text {len(under_way)}", destination=f"4477009{len(under_way):05d}")
        await route.fulfill(response=response)
        under_way.append(under_way[-1] - 1)

    await tab.page.route("**/sandbox/messages?*", count, times=4)
    await tab.open()
    await expect(tab.rows).to_have_count(4)
    assert max(under_way) == 1


async def test_list_stays_in_place_while_the_reader_has_scrolled_away(sms, tab):
    for number in range(30):
        await send(sms, f"Text {number}", destination=f"4477009001{number:02d}")
    await tab.open()
    await expect(tab.rows).to_have_count(30)
    scroller = tab.page.locator("main > :not([hidden]) .scroll")
    await scroller.evaluate("e => e.scrollTop = 300")
    watched = tab.rows.filter(has_text="Text 15")
    before = await watched.bounding_box()
    await send(sms, "One more")
    await send(sms, "And another")
    pill = tab.page.get_by_role("button", name="2 new")
    await expect(pill).to_be_visible()
    assert await watched.bounding_box() == before
    await pill.click()
    await expect(tab.rows.first).to_contain_text("And another")
    await expect(tab.page.locator(".pill:visible")).to_have_count(0)


async def test_list_updates_what_is_shown_while_the_reader_has_scrolled_away(new_tab):
    clock = ManualClock()
    async with (
        Sandbox(clock=clock, delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        for number in range(30):
            await send(sms, f"Text {number}", destination=f"4477009001{number:02d}")
        tab = await new_tab(box)
        await tab.open()
        await expect(tab.rows.filter(has_text="Sent").last).to_be_visible()
        await tab.page.locator("main > :not([hidden]) .scroll").evaluate("e => e.scrollTop = 300")
        await box.advance(6)
        await expect(tab.rows.filter(has_text="Delivered")).to_have_count(30)


async def test_message_shows_its_status_as_it_changes(new_tab):
    async with (
        Sandbox(clock=ManualClock(), delivery_delay=5) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url) as sms,
    ):
        shown = await send(sms, "Hello", destination="447700900506")
        tab = await new_tab(box)
        await tab.open(f"messages/{shown}")
        await expect(tab.detail.locator(".history li")).to_have_count(1)
        await box.advance(6)
        await expect(tab.detail.locator(".history li").last).to_contain_text("Undelivered 5006")
        await expect(tab.detail.locator(".history li").last).to_contain_text("did not respond")


async def test_two_tabs_show_the_same(box, sms, new_tab):
    tabs = [await new_tab(box) for _ in range(2)]
    for tab in tabs:
        await tab.open()
    shown = await send(sms, "Hello")
    for tab in tabs:
        await expect(tab.rows).to_have_count(1)
    await tabs[0].open(f"messages/{shown}")
    await tabs[0].button("STOP").click()
    await expect(tabs[1].rows.first).to_contain_text("STOP")


async def test_tab_that_stays_open_goes_on_after_the_sandbox_was_restarted(new_tab):
    async with (
        Sandbox() as first,
        AsyncSMSWorks(first.token, base_url=first.base_url, retry=AT_ONCE) as sms,
    ):
        shown = await send(sms, "Before")
        tab = await new_tab(first)
        await tab.open(f"messages/{shown}")
        await expect(tab.rows).to_have_count(1)
    await expect(tab.page.locator("#live")).to_have_attribute("data-state", "reconnecting")
    async with (
        Sandbox(port=first.port) as second,
        AsyncSMSWorks(second.token, base_url=second.base_url, retry=AT_ONCE) as sms,
    ):
        await tab.is_live()
        await expect(tab.rows).to_have_count(0)
        await expect(tab.page.get_by_text("Message not found")).to_be_visible()
        await send(sms, "After")
        await expect(tab.rows.first).to_contain_text("After")
    assert tab.documents == 1


@pytest.mark.parametrize("status", [None, 503])
async def test_tab_goes_on_after_its_stream_was_refused_or_cut(box, sms, tab, status):
    async def refuse(route):
        await (route.abort() if status is None else route.fulfill(status=status))

    await tab.page.route("**/sandbox/events", refuse)
    await tab.page.goto(f"{tab.root}/#/messages")
    live = tab.page.locator("#live")
    await expect(live).to_have_attribute("data-state", "reconnecting")
    await send(sms, "Hello")
    await tab.page.unroute("**/sandbox/events")
    await tab.is_live()
    await expect(tab.rows).to_have_count(1)


async def test_tab_of_a_sandbox_beyond_loopback_asks_for_the_key_and_the_secret_once(
    new_tab, monkeypatch
):
    # It still listens on loopback, so that nothing can reach it.
    monkeypatch.setattr("smsworks_async.sandbox.sandbox.is_loopback", lambda _: False)
    async with Sandbox() as box, AsyncSMSWorks(box.token, base_url=box.base_url) as sms:
        login = {"username": box.key, "password": box.secret}
        tab = await new_tab(box, http_credentials=login)
        await tab.open()
        await send(sms, "Hello")
        await expect(tab.rows).to_have_count(1)


async def test_tab_that_nobody_sees_holds_no_stream(box, sms, tab):
    await tab.open()
    streams = box._simulator.feed.streams
    await until(lambda: len(streams) == 1)
    hide = """hidden => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    await tab.page.evaluate(hide, True)
    await until(lambda: not streams)
    await send(sms, "Hello")
    await tab.page.evaluate(hide, False)
    await until(lambda: len(streams) == 1)
    await expect(tab.rows.first).to_contain_text("Hello")
