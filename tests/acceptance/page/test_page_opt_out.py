"""STOP, from the page to a service's webhook, and to its next campaign."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import Sandbox
from smsworks_async.webhooks import Webhooks
from support.sandboxes import AT_ONCE
from support.webhook_servers import SECRET, serve_asgi


pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_stop_sent_from_the_page_leaves_the_number_out_of_the_next_campaign(
    new_tab, tmp_path, monkeypatch
):
    monkeypatch.setenv("SMSWORKS_WEBHOOK_SECRET", SECRET)
    heard = []

    async def on_incoming(message):
        heard.append(message.content)

    app = FastAPI()
    port = []
    async with Sandbox(delivery_delay=0) as box:
        settings = {"base_url": box.base_url, "retry": AT_ONCE, "journal": tmp_path / "sms.db"}
        async with AsyncSMSWorks(box.token, **settings) as sms:
            hooks = Webhooks(on_incoming=on_incoming, client=sms)
            app.mount("/sms", hooks.asgi())
            async with serve_asgi(app) as port:
                box._simulator.post_to(f"http://127.0.0.1:{port}/sms/{SECRET}")
                sent = await sms.messages.send(
                    sender="447700900000", destination="447700900123", content="Sale!"
                )
                tab = await new_tab(box)
                await tab.open(f"messages/{sent.message_id}")
                await tab.button("STOP").click()
                await expect(tab.detail.locator(".bubble-row.own")).to_contain_text("STOP")
                report = await sms.bulk.send(
                    campaign="sale",
                    sender="447700900000",
                    content="Last days!",
                    destinations=["07700 900123", "07700 900124"],
                )
                assert (report.accepted, report.opted_out) == (1, 1)
                await expect(tab.rows.first).to_contain_text("07700 900124")
    assert heard == ["STOP"]
    assert box.accepted("07700 900123") == 1
