"""Using the whole page with only the keyboard, and the movements of the focus."""

from __future__ import annotations

import pytest
from playwright.async_api import expect


pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = {"sender": "447700900000", "content": "Hello"}


@pytest.fixture
def mouseless(monkeypatch, tab):
    """A tab that fails when the mouse is used."""

    async def refuse(*_, **__):
        raise AssertionError("the mouse was used")

    for name in ("click", "dblclick", "move", "down", "up"):
        monkeypatch.setattr(tab.page.mouse, name, refuse)
    return tab


async def test_whole_page_works_by_the_keyboard_alone(box, sms, mouseless):
    tab, press = mouseless, mouseless.page.keyboard.press
    for number in (123, 124, 125):
        await sms.messages.send(**TEXT, destination=f"447700900{number}")
    await tab.open()
    await expect(tab.rows).to_have_count(3)
    # Through the list, and into a message.
    await press("j")
    assert "07700 900125" in await tab.focused()
    await press("j")
    assert "07700 900124" in await tab.focused()
    await press("k")
    await press("Enter")
    await expect(tab.detail.locator(".detail-title")).to_be_focused()
    await expect(tab.detail.locator(".detail-title")).to_contain_text("07700 900125")
    await press("Escape")
    await expect(tab.page.locator(".has-detail")).to_have_count(0)
    assert "07700 900125" in await tab.focused()
    await press("Enter")
    await expect(tab.detail.locator(".detail-title")).to_be_focused()
    # The next message, with the list beside it.
    await press("j")
    await expect(tab.detail.locator(".detail-title")).to_contain_text("07700 900124")
    # Reply, as the handset.
    await press("r")
    await tab.page.keyboard.type("Yes, j and k")
    await press("Enter")
    await expect(tab.detail.locator(".bubble-row.own")).to_contain_text("Yes, j and k")
    await press("Escape")
    assert "07700 900124" in await tab.focused()
    await press("Escape")
    await expect(tab.page).to_have_url(f"{tab.root}/#/messages")
    assert "07700 900124" in await tab.focused()
    # Search, and open the first match.
    await press("/")
    await expect(tab.page.get_by_role("searchbox")).to_be_focused()
    await tab.page.keyboard.type("900123")
    await expect(tab.rows).to_have_count(1)
    await press("Escape")
    assert "07700 900123" in await tab.focused()
    await press("Escape")
    await expect(tab.rows).to_have_count(4)
    # An incoming text.
    await press("n")
    await expect(tab.page.get_by_role("dialog")).to_be_visible()
    await press("Tab")
    await press("Tab")
    await tab.page.keyboard.type("Good morning")
    await press("Tab")
    await press("Tab")
    await press("Enter")
    await expect(tab.page.get_by_role("dialog")).to_have_count(0)
    await expect(tab.rows.first).to_contain_text("Good morning")
    # The other views.
    for key, name in {"2": "Requests", "3": "Webhooks", "4": "Faults", "5": "Account"}.items():
        await press(key)
        await expect(tab.page.get_by_role("heading", level=1, name=name)).to_be_focused()
    # Reset, with confirmation.
    button = tab.page.get_by_role("button", name="Reset the sandbox")
    for _ in range(20):
        await press("Tab")
        if await button.evaluate("e => e === document.activeElement"):
            break
    await press("Enter")
    await expect(tab.button("Cancel")).to_be_focused()
    await press("Escape")
    await expect(button).to_be_focused()
    await press("Enter")
    await press("Tab")
    await press("Enter")
    await expect(tab.page.get_by_text("The sandbox was reset")).to_be_visible()
    assert box.messages == []


async def test_help_lists_the_keys_and_turns_them_off(sms, tab):
    press = tab.page.keyboard.press
    await tab.open()
    await press("?")
    await expect(tab.page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    await tab.page.get_by_role("checkbox").uncheck()
    await press("Escape")
    await expect(tab.page.get_by_role("dialog")).to_have_count(0)
    await press("2")
    assert await tab.page.evaluate("location.hash") == "#/messages"
    await tab.button("Keyboard shortcuts").click()
    await tab.page.get_by_role("checkbox").check()
    await tab.button("Close").click()
    await press("2")
    await expect(tab.page).to_have_url(f"{tab.root}/#/requests")


async def test_focus_stays_where_it_is_while_texts_arrive(sms, tab):
    await sms.messages.send(**TEXT, destination="447700900123")
    await tab.open()
    await expect(tab.rows).to_have_count(1)
    await tab.page.keyboard.press("j")
    await sms.messages.send(**TEXT, destination="447700900124")
    await expect(tab.rows).to_have_count(2)
    assert "07700 900123" in await tab.focused()
    await expect(tab.page.locator("#announcements")).to_have_text("1 new message")


async def test_what_is_being_written_is_kept_while_texts_arrive(sms, tab):
    sent = await sms.messages.send(**TEXT, destination="447700900123")
    await tab.open(f"messages/{sent.message_id}")
    reply = tab.page.get_by_label("Reply as the handset")
    await reply.fill("I am still wri")
    await sms.messages.send(**{**TEXT, "content": "Are you there?"}, destination="447700900123")
    await expect(tab.detail.locator(".thread")).to_contain_text("Are you there?")
    await expect(reply).to_have_value("I am still wri")
    await expect(reply).to_be_focused()


async def test_back_and_forward_go_through_what_was_opened(sms, tab):
    first = await sms.messages.send(**TEXT, destination="447700900123")
    await tab.open()
    await tab.rows.first.get_by_role("link").click()
    await expect(tab.page).to_have_url(f"{tab.root}/#/messages/{first.message_id}")
    await tab.page.keyboard.press("4")
    await expect(tab.page.get_by_role("heading", level=1, name="Faults")).to_be_visible()
    await tab.page.go_back()
    await expect(tab.detail.locator(".detail-title")).to_contain_text("07700 900123")
    await tab.page.go_back()
    await expect(tab.page).to_have_url(f"{tab.root}/#/messages")
    await tab.page.go_forward()
    await expect(tab.detail.locator(".detail-title")).to_contain_text("07700 900123")
