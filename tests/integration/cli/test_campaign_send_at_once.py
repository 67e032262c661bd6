"""One list in two orders, sent from two terminals at once: one of the two is sent."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from smsworks_async.sandbox import Fault
from support.campaign_send import EVERYBODY, PEOPLE, send, texted
from support.processes import environment
from support.waiting import PATIENCE


TIMES = [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))]
#: Steps at which a process is killed: more than there are.
STEPS = [pytest.param(n, marks=pytest.mark.slow if n != 6 else ()) for n in range(1, 15)]


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request, tmp_path):
    if request.param == "sqlite":
        yield str(tmp_path / "journal.db")
        return
    databases = request.getfixturevalue("postgres_databases")
    url = asyncio.run(databases.create())
    yield url
    asyncio.run(databases.drop(url))


@pytest.fixture
def start(smsworks, people, journal, tmp_path):
    """A function that starts to send the list in one of two orders, by its number."""
    smsworks.set(JOURNAL=journal)
    assert smsworks("journal", "init").code == 0
    files = [people(), people(name="other.csv", rows=PEOPLE[::-1])]

    def start(number, moments="", patience=30, options=()):
        command = send(files[number], "--yes", *options)
        words = [str(tmp_path), str(number), moments, str(patience), *command]
        return subprocess.Popen(
            [sys.executable, "-m", "support.workers.send_at_once", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    return start


def end(*processes):
    """Return the exit codes of processes, and what they wrote to standard error."""
    errors = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    return [process.returncode for process in processes], "".join(errors)


@pytest.mark.parametrize("_time", TIMES)
@pytest.mark.parametrize(
    "moments", ["looked,planned", pytest.param("looked", marks=pytest.mark.slow)]
)
def test_campaign_send_from_two_terminals_at_once_sends_one(start, hosted, moments, _time):
    codes, told = end(start(0, moments), start(1, moments))
    assert sorted(codes) == [0, 3], told
    assert told.count("in the meantime; nothing was sent") == 1
    assert texted(hosted) == EVERYBODY


def test_campaign_send_sends_one_of_two_at_once_however_short_a_campaign_is_recent(start, hosted):
    processes = [start(n, "looked,planned", options=("--recent", "0m")) for n in (0, 1)]
    codes, told = end(*processes)
    assert sorted(codes) == [0, 3], told
    assert texted(hosted) == EVERYBODY


@pytest.mark.parametrize("_time", TIMES)
def test_campaign_send_gives_way_to_one_that_was_killed_once_planned(start, hosted, _time):
    killed, other = start(0, "looked,killed"), start(1, "looked,planned", patience=0.5)
    assert end(killed)[0] == [9]
    codes, told = end(other)
    assert codes == [3], told
    assert texted(hosted) == {}
    codes, told = end(start(0))
    assert (codes, texted(hosted)) == ([0], EVERYBODY), told


def test_campaign_send_that_gave_way_is_sent_by_the_same_command_later(smsworks, start, hosted):
    killed, other = start(0, "looked,killed"), start(1, "looked,planned", patience=0.5)
    assert (end(killed)[0], end(other)[0]) == ([9], [3])
    codes, told = end(start(1))
    assert codes == [3]
    assert "add --again to text them again" in told
    for campaign in smsworks("campaign", "list", "--json").records:
        if campaign["state"] == "running":
            assert smsworks("campaign", "cancel", campaign["campaign"], "--yes").code == 0
    codes, told = end(start(1))
    assert (codes, texted(hosted)) == ([0], EVERYBODY), told


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_campaign_send_texts_nobody_twice_where_one_of_two_is_killed(start, hosted, victim, step):
    other = start(1 - victim, "looked", patience=0.5)
    end(start(victim, f"looked,{step}"), other)
    assert max(texted(hosted).values(), default=0) <= 1
    for number in (0, 1, victim):
        end(start(number))
        assert max(texted(hosted).values(), default=0) <= 1


def test_campaign_send_asks_again_after_another_was_sent_where_all_was_refused(start, hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", status=401, times=2)))
    assert end(start(0))[0] == [3]
    hosted.do(lambda box: box.clear_faults())
    assert end(start(1))[0] == [0]
    codes, told = end(start(0))
    assert codes == [3]
    assert "add --again to text them again" in told
    assert texted(hosted) == EVERYBODY


@pytest.mark.parametrize("_time", TIMES)
@pytest.mark.parametrize(
    "moments", ["looked,planned", pytest.param("looked", marks=pytest.mark.slow)]
)
def test_campaign_send_that_continues_and_another_at_once_text_nobody_twice(
    start, hosted, people, moments, _time
):
    """The first sends again what was refused, and the other was begun to send that instead."""
    one_by_one = ("--chunk-size", "1", "--concurrency", "1")
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", status=402, nth=3, times=0)))
    assert end(start(0, options=one_by_one))[0] == [1]
    hosted.do(lambda box: box.clear_faults())
    people(name="other.csv", rows=PEOPLE[2:])
    codes, told = end(start(0, moments, 0.5, one_by_one), start(1, moments, 0.5))
    assert 3 in codes, told
    assert max(texted(hosted).values()) == 1
    for number, options in ((0, one_by_one), (1, ())):
        end(start(number, options=options))
    assert texted(hosted) == EVERYBODY
