"""Processes that are stopped, or whose function ends them, while they handle a report."""

from __future__ import annotations

import asyncio
import signal

import pytest

from support.report_load import SERVERS, Load


pytestmark = pytest.mark.skipif("not hasattr(os, 'killpg')", reason="no process groups here")


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


async def test_what_a_stopped_process_was_at_is_handled_by_another_and_both_say_so(
    server, tmp_path
):
    (tmp_path / "pause 1").touch()
    async with Load(server, tmp_path, REPORTS_LEASE="1") as load:
        one, other = load.processes
        first = asyncio.create_task(load.post(one, "1"))
        await load.until_handled(1)
        one.send(signal.SIGSTOP)
        (tmp_path / "pause 1").unlink()
        await load.post_until_taken(other, "1", 0.05)
        assert load.runs() == {"1": [one.group, other.group]}
        one.send(signal.SIGCONT)
        assert await first
        assert await load.post(one, "1")
        assert load.runs() == {"1": [one.group, other.group]}
    said = (tmp_path / "log").read_text()
    assert "message 1 expired while the report was handled" in said
    assert "message 1 expired without a result" in said


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
async def test_a_function_that_ends_its_process_leaves_the_report_to_the_next_at_once(
    server, error, tmp_path
):
    (tmp_path / "raise 1").write_text(error)
    async with Load(server, tmp_path, REPORTS_MAX_WAIT="0") as load:
        one, other = load.processes
        assert not await load.post(one, "1")
        assert await load.post(other, "1"), load.answers
        assert load.runs() == {"1": [one.group, other.group]}
