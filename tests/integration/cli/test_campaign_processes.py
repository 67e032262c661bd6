"""Campaigns that several processes send and control: no recipient is texted twice."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager

import pytest

from smsworks_async.cli._known_names import names_in
from smsworks_async.sandbox import Fault
from support.campaign_commands import CAMPAIGN, CHUNK, PEOPLE, planned
from support.postgres import fetch
from support.waiting import PATIENCE, when_held


@pytest.fixture
def shop(request, smsworks, tmp_path):
    """The command, with a planned campaign of six chunks in its journal."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return planned(smsworks, str(tmp_path / "campaigns.db"))
    return planned(smsworks, request.getfixturevalue("postgres_url"))


in_each_journal = pytest.mark.parametrize("shop", ["sqlite", "postgres"], indirect=True)


class Held:
    """A worker in a separate process, whose n-th request is in progress until `release`."""

    def __init__(self, shop, hosted, nth=2):
        self._hosted = hosted
        held = threading.Event()
        when_held(hosted.box, held.set)
        hosted.box.add_fault(Fault(path="/batch/send", nth=nth, when="hold"))
        self.process = shop.start("campaign", "work", CAMPAIGN, "--concurrency", "1")
        while not held.wait(0.1):
            assert self.process.poll() is None, self.process.communicate()

    def until_told(self):
        """Wait until the worker has written that it stops."""
        line = self.process.stderr.readline()
        assert line.startswith("smsworks: stopping"), line

    def release(self):
        self._hosted.do(lambda box: box.release())

    def end(self):
        """Answer the request, and return the exit code and the output."""
        self.release()
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@contextmanager
def ending(process):
    """Kill a process at the end if it still runs, and close its pipes."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        with process:
            pass


@pytest.fixture
def held(shop, hosted):
    worker = Held(shop, hosted)
    with ending(worker.process):
        yield worker
        worker.release()


def everybody_once(hosted):
    return hosted.box.accepted_by_destination() == dict.fromkeys(PEOPLE, 1)


@pytest.mark.parametrize(
    ("shop", "number"),
    [("sqlite", signal.SIGTERM), ("sqlite", signal.SIGINT), ("postgres", signal.SIGTERM)],
    indirect=["shop"],
)
def test_work_that_is_asked_to_stop_ends_its_requests_and_another_goes_on(
    shop, hosted, held, number
):
    held.process.send_signal(number)
    held.until_told()
    code, out, err = held.end()
    assert code == 130
    assert err == ""
    assert "accepted  10" in out
    assert "not sent  20" in out
    assert "unknown" not in out
    assert shop.run("campaign", "work", CAMPAIGN).code == 0
    assert everybody_once(hosted)


def test_work_that_is_interrupted_twice_leaves_its_request_in_doubt(shop, hosted, held):
    held.process.send_signal(signal.SIGINT)
    held.until_told()
    held.process.send_signal(signal.SIGINT)
    _, err = held.process.communicate(timeout=PATIENCE)
    assert held.process.returncode == 130
    lines = err.splitlines()
    assert lines[0].startswith(f"smsworks: campaign {CAMPAIGN}: chunk 1 of 5 recipients is unknown")
    accepted = "smsworks: interrupted; 5 recipients were accepted; the outcome of 5"
    assert lines[1].startswith(accepted)
    assert len(lines) == 2
    assert shop("campaign", "work", CAMPAIGN).code == 4
    done = shop("campaign", "reconcile", CAMPAIGN, "--settle", "0", "--json")
    assert (done.code, done.record["accepted"]) == (0, len(PEOPLE))
    assert everybody_once(hosted)


@in_each_journal
def test_pause_from_another_process_ends_work_and_resume_lets_it_go_on(shop, hosted, held):
    assert shop("campaign", "pause", CAMPAIGN, "--why", "lunch").code == 0
    code, out, _ = held.end()
    assert code == 1
    assert "paused: lunch" in out
    assert hosted.box.accepted() == 2 * CHUNK
    assert shop("campaign", "resume", CAMPAIGN).code == 0
    assert shop("campaign", "work", CAMPAIGN).code == 0
    assert everybody_once(hosted)


@in_each_journal
def test_cancel_from_another_process_ends_work_for_good(shop, hosted, held):
    done = shop("campaign", "cancel", CAMPAIGN, "--settle", "0", "--yes", "--json")
    assert done.record["not_sent"] == 20
    code, _, _ = held.end()
    assert code == 1
    assert hosted.box.accepted_by_destination() == dict.fromkeys(PEOPLE[: 2 * CHUNK], 1)
    assert shop("campaign", "cancel", CAMPAIGN, "--settle", "0", "--yes").code == 0
    record = shop("campaign", "status", CAMPAIGN, "--json").record
    assert (record["accepted"], record["not_sent"], record["settled"]) == (10, 20, True)


def test_work_shares_a_campaign_with_others(shop, hosted, held):
    assert shop("campaign", "work", CAMPAIGN, "--supervised").code == 0
    code, _, _ = held.end()
    assert code == 0
    assert everybody_once(hosted)


def test_status_watch_follows_a_campaign_to_its_end(shop, hosted, held):
    words = ("campaign", "status", CAMPAIGN, "--watch", "--every", "0.1")
    with ending(shop.start(*words)) as watch:
        first = watch.stdout.readline()
        assert first.startswith(f"{CAMPAIGN}: running, 5 of 30 done; 5 accepted, 20 to be sent")
        held.end()
        rest = watch.stdout.read()
        assert watch.wait(PATIENCE) == 0
    assert rest.splitlines()[-1] == f"{CAMPAIGN}: done, 30 of 30 done; 30 accepted"


def test_status_watch_is_ended_by_control_c(shop, hosted, held):
    words = ("campaign", "status", CAMPAIGN, "--watch", "--every", "0.1")
    with ending(shop.start(*words)) as watch:
        watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=PATIENCE)
    assert watch.returncode == 130
    assert err == "smsworks: interrupted\n"


def test_work_whose_reader_has_gone_sends_to_the_end(shop, hosted):
    with ending(shop.start("campaign", "work", CAMPAIGN)) as worker:
        worker.stdout.close()
        worker.wait(PATIENCE)
        assert worker.stderr.read() == ""
    assert worker.returncode == 0
    assert everybody_once(hosted)


async def test_journal_init_creates_the_tables_ahead(postgres_databases, command_line):
    url = await postgres_databases.create(empty=True)
    try:
        for _ in range(2):
            done = command_line.run("journal", "init", "--journal", url, "--json")
            assert (done.code, done.record) == (0, {"journal": "the database"})
        assert await fetch(url, "SELECT 1 FROM smsworks.layout")
        done = command_line.run("campaign", "list", "--journal", url)
        assert done.out == "There are no campaigns.\n"
    finally:
        await postgres_databases.drop(url)


def test_journal_init_in_an_empty_place_makes_the_file(command_line, tmp_path):
    path = tmp_path / "new.db"
    assert command_line("journal", "init", "--journal", str(path)).code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    done = command_line("journal", "init", "--journal", str(path), "--grant-to", "workers")
    assert done.code == 2
    assert "PostgreSQL" in done.error


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
def test_commands_work_over_postgresql(shop, hosted, tmp_path):
    out, page = str(tmp_path / "out.jsonl"), tmp_path / "report.html"
    assert shop("optouts", "add", PEOPLE[0]).code == 0
    assert shop("campaign", "work", CAMPAIGN, "--json").record["opted_out"] == 1
    assert shop("campaign", "list", "--json").record["state"] == "done"
    assert shop("campaign", "export", CAMPAIGN, "--to", out, "--json").record["recipients"] == 30
    assert shop("campaign", "report", CAMPAIGN, "--html", str(page)).code == 0
    assert "left out before" in page.read_text("utf-8")
    assert shop("campaign", "reconcile", CAMPAIGN, "--settle", "0").code == 0
    assert names_in(os.environ["SMSWORKS_JOURNAL"]) == [CAMPAIGN]
    assert shop("campaign", "forget", CAMPAIGN, "--yes").code == 0
    assert shop("campaign", "prune", "--before", "0s", "--yes", "--json").record == {
        "forgotten": []
    }
    assert shop("optouts", "list", "--json").record["number"] == PEOPLE[0]
