"""Take screenshots of the sandbox's page: python docs/pictures/take.py FOLDER [--keep NAME FILE].

It needs Playwright and Chromium, as the tests do, and Pillow, which compresses the picture that is
kept.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from PIL import Image
from playwright.async_api import Page, async_playwright

from smsworks_async import AsyncSMSWorks, RateLimited, RetryPolicy
from smsworks_async.sandbox import ManualClock, Reporting, Sandbox


ACME = "447700900000"
LAURA = "447700900123"
SIZES = {"light": (1280, 800), "dark": (1280, 800), "narrow": (360, 740)}


async def fill(box: Sandbox, sms: AsyncSMSWorks) -> str:
    """Send the texts of a shop, and return the id of the message to show."""
    await sms.messages.send(sender=ACME, destination=LAURA, content="Your order 1882 has left us.")
    await box.advance(40)
    await box.reply(LAURA, "When will it come?")
    await box.advance(75)
    text = (
        "Hello Laura \u2013 it comes on Thursday between 10:00 and 12:00. The driver\u2019s name "
        "is Zo\u00eb. If nobody is at home, we leave it with a neighbour \U0001f4e6"
    )
    shown = await sms.messages.send(
        sender=ACME,
        destination=LAURA,
        content=text,
        tag="delivery",
        metadata={"order": "1882", "depot": "Leeds"},
    )
    await box.advance(15)
    await box.reply(LAURA, "Thank you!")
    await sms.otp.send(sender="AcmeShop", destination="447700900130")
    await sms.messages.flash(
        sender="AcmeShop", destination="447700900131", content="Your table is ready."
    )
    await box.advance(30)
    await sms.messages.send(
        sender="AcmeShop", destination="447700900506", content="Your order 1883 has left us."
    )
    await sms.batches.send(
        sender="AcmeShop",
        destinations=[f"447700900{n}" for n in range(140, 144)],
        content="Sale from Friday on: 20% off all lamps. Reply STOP to opt out.",
        tag="sale",
    )
    await box.advance(20)
    box.add_fault({"path": "/message/send", "status": 429, "retry_after": 2, "times": 1})
    box.add_fault({"path": "/batch/send", "every": 5, "when": "after"})
    try:
        await sms.messages.send(
            sender="AcmeShop", destination="447700900150", content="Your order 1884 has left us."
        )
    except RateLimited:
        pass
    await sms.messages.schedule(
        sender="AcmeShop",
        destination="447700900151",
        content="Your appointment is tomorrow at 9.",
        at=datetime.fromtimestamp(box.now, UTC) + timedelta(hours=4),
    )
    await sms.messages.send(
        sender="AcmeShop", destination="447700900152", content="Your order 1885 has left us."
    )
    return shown.message_id


async def serve(runner: web.AppRunner) -> str:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/sms"


async def take_pictures(page: Page, root: str, shown: str, folder: Path, name: str) -> None:
    for view, where in {
        "list": "messages",
        "message": f"messages/{shown}",
        "requests": "requests",
        "webhooks": "webhooks",
        "faults": "faults",
        "account": "account",
    }.items():
        await page.goto(f"{root}/#/{where}")
        await page.locator("#live[data-state]:not([data-state=connecting])").wait_for()
        if view == "requests":
            await page.locator(".request a.row").nth(1).click()
        if view == "webhooks":
            await page.locator(".panes:not([hidden]) .post summary").nth(2).click()
        await page.mouse.move(0, 0)
        await page.wait_for_timeout(400)
        await page.screenshot(path=folder / f"{view}-{name}.png")


async def main(folder: Path, keep: list[str] | None) -> None:
    answers = iter([200, 200, 503])

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=next(answers, 200))

    app = web.Application()
    app.router.add_post("/sms", answer)
    runner = web.AppRunner(app)
    url = await serve(runner)
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    clock = ManualClock(start=datetime(2031, 5, 6, 9, 30, tzinfo=UTC))
    async with (
        Sandbox(
            clock=clock,
            seed=1,
            delivery_report_url=url,
            incoming_url=url,
            reporting=Reporting(pauses=(5,)),
        ) as box,
        AsyncSMSWorks(box.token, base_url=box.base_url, retry=RetryPolicy(attempts=1)) as sms,
        async_playwright() as playwright,
    ):
        shown = await fill(box, sms)
        browser = await playwright.chromium.launch(executable_path=browser_path)
        for name, (width, height) in SIZES.items():
            page = await browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if name == "dark" else "light",
                reduced_motion="reduce",
            )
            page.on("console", lambda message: print(message.text))
            page.on("pageerror", lambda error: print(error))  # noqa: PLW0108 - it marks the handler
            await take_pictures(page, box.root_url, shown, folder, name)
            await page.close()
        await browser.close()
    await runner.cleanup()
    if keep:
        picture = Image.open(folder / f"{keep[0]}.png").convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(keep[1], optimize=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", nargs=2, metavar=("NAME", "FILE"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(options.folder, options.keep))
