"""Fixtures for tests of the page: one browser on the session's loop, and a tab for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from smsworks_async import AsyncSMSWorks
from smsworks_async.sandbox import Sandbox
from support import browser as browsers
from support.sandboxes import AT_ONCE


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[browsers.Tabs]:
    if browsers.executable() is None:
        pytest.skip("there is no Chromium for the tests of the page; see SMSWORKS_TEST_BROWSER")
    async with browsers.launched() as one:
        yield browsers.Tabs(one)


@pytest_asyncio.fixture(loop_scope="session")
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(seed=1, delivery_delay=0) as sandbox:
        yield sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def sms(box: Sandbox) -> AsyncIterator[AsyncSMSWorks]:
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def new_tab(browser: browsers.Tabs) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that opens a tab on a sandbox; errors in a tab fail the test."""
    async with AsyncExitStack() as exits:
        tabs = []

        async def make(sandbox: Sandbox, **options: Any) -> browsers.Tab:
            tabs.append(await exits.enter_async_context(browser.tab(sandbox.root_url, **options)))
            return tabs[-1]

        yield make
        assert [tab.errors for tab in tabs] == [[]] * len(tabs)
        assert {host for tab in tabs for host in tab.hosts} <= {
            tab.root.removeprefix("http://") for tab in tabs
        }


@pytest_asyncio.fixture(loop_scope="session")
async def tab(new_tab: Callable[..., Any], box: Sandbox) -> browsers.Tab:
    return await new_tab(box)
