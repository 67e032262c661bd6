"""The page for screen readers, in light and dark, and on narrow screens."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from smsworks_async import AsyncSMSWorks, SMSWorksError
from smsworks_async.sandbox import Sandbox
from support import browser as browsers
from support.sandboxes import AT_ONCE


pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEWS = ("messages", "messages/{message}", "requests", "requests/{request}", "webhooks", "faults")


async def views_of(box: Sandbox) -> list[str]:
    """Fill a sandbox with data of all kinds, and return the addresses of all views."""
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        sent = await sms.messages.send(
            sender="447700900000",
            destination="447700900123",
            content="It\u2019s ready \U0001f4e6. " + "Come to our shop in Leeds by six. " * 6,
            tag="a long tag that says what this text was about " * 4,
            metadata={"order": "1882"},
        )
        await box.reply("07700 900123", "W" * 500)
        await sms.messages.send(sender="AcmeCorp", destination="447700900506", content="Hello")
        await sms.otp.send(sender="AcmeCorp", destination="447700900130")
        box.add_fault({"path": "/message/send", "status": 503, "times": 0, "body": "<p>" * 200})
        with pytest.raises(SMSWorksError):
            await sms.messages.send(sender="AcmeCorp", destination="447700900124", content="Hello")
    views = [view.format(message=sent.message_id, request="1") for view in VIEWS]
    return [*views, "account", "messages?q=nothing"]


@pytest.mark.skipif(
    browsers.AXE is None, reason="there is no axe-core for these tests; see SMSWORKS_TEST_AXE"
)
@pytest.mark.parametrize(
    ("colours", "rules"), [("light", []), ("dark", ["color-contrast"])], ids=["light", "dark"]
)
async def test_axe_finds_nothing_on_any_view(new_tab, colours, rules):
    async with Sandbox(delivery_delay=0, delivery_report_url="http://127.0.0.1:9/sms") as box:
        views = await views_of(box)
        tab = await new_tab(box, color_scheme=colours)
        for view in views:
            await tab.open(view)
            if view == "webhooks":
                await tab.rows.first.locator("summary").click()
            await expect(
                tab.page.locator(
                    "main .badge:visible, main .big:visible, .empty:visible, .preset:visible"
                ).first
            ).to_be_visible()
            assert await browsers.axe_violations(tab.page, *rules) == [], view
        await tab.page.keyboard.press("?")
        assert await browsers.axe_violations(tab.page, *rules) == [], "help"


async def test_nothing_sticks_out_of_a_window_of_360_pixels(new_tab):
    async with Sandbox(delivery_delay=0, delivery_report_url="http://127.0.0.1:9/sms") as box:
        views = await views_of(box)
        tab = await new_tab(box, viewport={"width": 360, "height": 740})
        for view in views:
            await tab.open(view)
            await expect(
                tab.page.locator(
                    "main .badge:visible, main .big:visible, .empty:visible, .preset:visible"
                ).first
            ).to_be_visible()
            assert await tab.overflow() == [], view
            wide = "() => document.documentElement.scrollWidth"
            assert await tab.page.evaluate(wide) <= 360, view


async def test_colours_are_the_systems_unless_others_are_chosen(new_tab, box):
    tab = await new_tab(box, color_scheme="dark")
    await tab.open()
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = await tab.page.evaluate(colour)
    await tab.button("Colours: system").click()
    light = await tab.page.evaluate(colour)
    assert light != dark
    await tab.page.reload()
    await tab.is_live()
    assert await tab.page.evaluate(colour) == light
    await tab.button("Colours: light").click()
    assert await tab.page.evaluate(colour) == dark


async def test_screen_readers_find_landmarks_and_hear_what_was_done(box, sms, tab):
    sent = await sms.messages.send(
        sender="447700900000", destination="447700900123", content="Hello"
    )
    await tab.open(f"messages/{sent.message_id}")
    for role, name in (
        ("banner", None),
        ("navigation", "Views"),
        ("main", None),
        ("search", None),
        ("region", "List of messages"),
        ("region", "Message"),
    ):
        await expect(tab.page.get_by_role(role, name=name, exact=True)).to_be_visible()
    tabs = tab.page.get_by_role("navigation", name="Views")
    await expect(tabs.get_by_role("link", name="Messages")).to_have_attribute(
        "aria-current", "page"
    )
    await tab.button("STOP").click()
    await expect(tab.page.get_by_role("status").filter(has_text="Replied STOP")).to_be_visible()
