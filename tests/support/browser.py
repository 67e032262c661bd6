"""A browser that reads the sandbox's page: Debian's Chromium, or another of its kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect


#: Milliseconds after which something that ought to be seen is missing. The slowest machine needs
#: less.
PATIENCE = 60_000
#: Where a browser must be, so that a machine that has none fails; and where one is otherwise.
GIVEN = os.environ.get("SMSWORKS_TEST_BROWSER")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
#: The file `axe.min.js` of axe-core, which finds accessibility problems.
AXE = os.environ.get("SMSWORKS_TEST_AXE")

expect.set_options(timeout=PATIENCE)


def executable() -> str | None:
    if GIVEN:
        return GIVEN
    return next((path for path in map(shutil.which, NAMES) if path), None)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable())
        try:
            yield browser
        finally:
            await browser.close()


class Tab:
    """A tab that shows a sandbox's page, and keeps what went wrong in it."""

    def __init__(self, page: Page, root: str) -> None:
        self.page = page
        self.root = root
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.documents = 0
        self._listeners = {
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": self._heard,
            "request": self._requested,
        }
        page.set_default_timeout(PATIENCE)
        for event, listener in self._listeners.items():
            page.on(event, listener)

    async def leave(self) -> None:
        """Leave the sandbox's page, so that the next test can have the tab."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        await self.page.unroute_all(behavior="wait")
        await self.page.goto("about:blank")

    def _heard(self, message: Any) -> None:
        # The page itself shows a broken stream or a refused request to its user.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _requested(self, request: Any) -> None:
        self.hosts.add(request.url.split("/")[2])
        self.documents += request.resource_type == "document"

    async def open(self, where: str = "messages") -> None:
        await self.page.goto(f"{self.root}/#/{where}")
        await self.is_live()

    async def is_live(self) -> None:
        await expect(self.page.locator("#live")).to_have_attribute("data-state", "live")

    @property
    def rows(self) -> Any:
        """The rows of the list that is shown."""
        return self.page.locator("main > :not([hidden]) .rows > li")

    @property
    def detail(self) -> Any:
        return self.page.locator("main > :not([hidden]) .detail-pane")

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True)

    async def focused(self) -> str:
        """The text of the focused element."""
        return await self.page.evaluate("document.activeElement.innerText")

    async def overflow(self) -> list[str]:
        """What sticks out of the window sideways, or has to be scrolled sideways, by class."""
        return await self.page.evaluate(
            """() => {
                const clips = (e) => getComputedStyle(e).overflowX !== 'visible';
                const scrolls = (e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
                    && e.scrollWidth > e.clientWidth + 1;
                const sticksOut = (e) => {
                    const box = e.getBoundingClientRect();
                    const fits = box.right <= innerWidth + 1 && box.left >= -1;
                    if (box.width < 2 || fits) return false;
                    for (let p = e.parentElement; p !== document.body; p = p.parentElement) {
                        if (clips(p)) return false;
                    }
                    return true;
                };
                return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()
                    && !e.closest('.visually-hidden, .skip') && (scrolls(e) || sticksOut(e))
                ).map((e) => `${e.tagName} ${e.className}`);
            }"""
        )


class Tabs:
    """Tabs of one browser. One that needs no options is used again: a new one takes a process.

    Pages of different sandboxes have nothing in common, since their ports differ.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[Page] = []
        self._common: BrowserContext | None = None

    @asynccontextmanager
    async def tab(self, root: str, **options: Any) -> AsyncIterator[Tab]:
        if options:
            context = await self._browser.new_context(reduced_motion="reduce", **options)
            yield Tab(await context.new_page(), root)
            await context.close()
            return
        if self._common is None:
            self._common = await self._browser.new_context(reduced_motion="reduce")
        tab = Tab(self._idle.pop() if self._idle else await self._common.new_page(), root)
        yield tab
        await tab.leave()
        self._idle.append(tab.page)


async def axe_violations(page: Page, *rules: str) -> list[str]:
    """Return what axe finds that is more than minor, with the elements; by all rules, or some."""
    await page.evaluate(Path(AXE or "").read_text("utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] != "minor"
        for node in one["nodes"]
    ]
