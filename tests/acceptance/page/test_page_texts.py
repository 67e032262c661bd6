"""Texts that could break a page: they are shown as text, and the layout is kept."""

from __future__ import annotations

import os
import time

import pytest
from playwright.async_api import expect

from smsworks_async.sandbox import Sandbox
from smsworks_async.sandbox.records import Message


pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW = os.environ.get("SMSWORKS_TEST_SLOW") == "1"
MANY = 100_000 if SLOW else 20_000
HOSTILE = {
    "script": "<script>document.title = 'owned'</script>",
    "image": "<img src=x onerror=\"document.title='owned'\">",
    "attribute": "\" onmouseover=\"document.title='owned'\" x=\"' onclick='x'",
    "entity": "&lt;b&gt;&amp;#39; <b>bold</b>",
    "override": "\u202ereversed\u202d and \u2066 isolated",
    "half": "half \ud83d of a pair, and the other \ude00",
    "accents": "Z" + "\u0301\u0310\u0334\u0489" * 320,
    "newlines": "one\n\n\n\ntwo\r\nthree\u2028four\u0085five",
    "unbroken": "W" * 1280,
    "controls": "bell \x07 null \x00 escape \x1b[31m",
    "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1ec\U0001f1e7",
}


def receive(box: Sandbox, content: str, **fields: str) -> str:
    """Receive a text, even one that the API would refuse."""
    fields = {"sender": "447700900123", "to": "447700900000", "keyword": "", **fields}
    return box._simulator.receive({**fields, "content": content}, box.now)


def well_formed(text: str) -> str:
    """Return a text with lone surrogates replaced, as a browser shows it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


async def test_texts_are_shown_as_text_on_the_phone(box, tab):
    ids = {name: receive(box, content) for name, content in HOSTILE.items()}
    await tab.open()
    for name, message_id in ids.items():
        await tab.page.goto(f"{tab.root}/#/messages/{message_id}")
        bubble = tab.detail.locator(f".thread > [data-key='{message_id}'].current .bubble")
        await expect(bubble).to_be_visible()
        # Invisible characters are shown by their code points.
        shown = await bubble.evaluate(
            """e => {
                const copy = e.cloneNode(true);
                copy.querySelectorAll('.segment-label').forEach(l => l.remove());
                copy.querySelectorAll('mark.invisible').forEach(m => m.textContent = String
                    .fromCodePoint(...m.textContent.split(' ').map(c => parseInt(c.slice(2), 16))));
                return copy.textContent;
            }"""
        )
        assert well_formed(shown) == well_formed(HOSTILE[name]), name
        assert await tab.overflow() == [], name
    await expect(tab.page).to_have_title("Messages \u2013 SMS sandbox")
    assert await tab.page.locator("main script, main img, main b").count() == 0


async def test_rows_are_all_of_one_height_whatever_is_in_them(box, tab):
    for content in HOSTILE.values():
        receive(box, content)
    await tab.open()
    await expect(tab.rows).to_have_count(len(HOSTILE))
    boxes = [await row.bounding_box() for row in await tab.rows.all()]
    assert len({round(one["height"]) for one in boxes}) == 1
    lefts = await tab.page.locator(".when:visible").evaluate_all(
        "all => all.map(e => Math.round(e.getBoundingClientRect().right))"
    )
    assert len(set(lefts)) == 1
    # Text that is too long for its column is cut off.
    assert (
        await tab.page.locator(".row:visible > *").evaluate_all(
            """all => all.filter(e => e.scrollWidth > e.clientWidth && e.clientWidth
            && getComputedStyle(e).overflowX === 'visible').map(e => e.className)"""
        )
        == []
    )


async def test_directions_of_a_text_do_not_reach_what_stands_beside_it(box, tab):
    receive(box, "\u202e" * 3 + "abc")
    await tab.open()
    when = tab.rows.first.locator(".when")
    assert await when.evaluate("e => getComputedStyle(e.parentElement).direction") == "ltr"
    order = await tab.rows.first.evaluate(
        """e => ['.who', '.snippet', '.when'].map(
            c => e.querySelector(c).getBoundingClientRect().left)"""
    )
    assert order == sorted(order)
    message_id = await tab.rows.first.get_attribute("data-key")
    await tab.open(f"messages/{message_id}")
    marks = tab.detail.locator(".current mark.invisible")
    await expect(marks).to_have_text(["U+202E"] * 3)


async def test_fields_of_requests_are_text_too(box, sms, tab):
    tag = "<img src=x onerror=\"document.title='owned'\">"
    sent = await sms.messages.send(
        sender="AcmeCorp",
        destination="447700900123",
        content="Hello",
        tag=tag,
        metadata={"<b>key</b>": "<script>1</script>"},
    )
    await tab.open(f"messages/{sent.message_id}")
    await expect(tab.detail.locator(".facts").first).to_contain_text(tag)
    await expect(tab.detail).to_contain_text("<b>key</b>")
    await expect(tab.page).to_have_title("Messages \u2013 SMS sandbox")
    assert await tab.page.locator("main script, main img, main b").count() == 0


async def test_search_for_half_a_pair_is_harmless(box, tab):
    receive(box, "Hello")
    await tab.open()
    await expect(tab.rows).to_have_count(1)
    await tab.page.get_by_role("searchbox").evaluate(
        "e => { e.value = '\\ud83d'; e.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    await expect(tab.page.get_by_text("No message matches")).to_be_visible()


async def test_page_opens_on_many_messages_with_few_rows(new_tab, record_property):
    async with Sandbox(keep_messages=MANY) as box:
        archive = box._simulator.state.account.archive
        for number in range(1, MANY + 1):
            archive.add(
                Message(
                    number=number,
                    message_id=str(number),
                    destination=f"4477009{number % 100_000:05d}",
                    content=f"Text {number}",
                    sender="AcmeCorp",
                    status="DELIVERED",
                    created=box.now,
                    modified=box.now,
                    schedule=box.now,
                )
            )
        tab = await new_tab(box)
        began = time.perf_counter()
        await tab.open()
        await expect(tab.rows).to_have_count(50)
        if SLOW:
            opened = time.perf_counter() - began
            record_property("figures", f"{MANY:,} messages, page open in {opened:.2f} s")
        await expect(tab.rows.first).to_contain_text(f"Text {MANY}")
        assert await tab.page.locator("*").count() < 2000
        await tab.page.get_by_role("searchbox").fill(f"Text {MANY - 1}")
        await expect(tab.rows).to_have_count(1)
