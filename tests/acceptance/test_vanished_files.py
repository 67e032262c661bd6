"""Journals whose file is deleted, replaced, or in another folder: the documented limits."""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest

from smsworks_async import (
    JournalError,
)
from smsworks_async.journals import SQLiteJournal
from support.campaigns.workers import order, worker
from support.clock import use_clock
from support.fault_matrix import Watched
from support.messages import TEXT_TO_MANY, drama
from support.reports import nobody_twice
from support.sandboxes import client


TEN = drama(10)


TWENTY = drama(20)


CAMPAIGN = {**TEXT_TO_MANY, "campaign": "x", "chunk_size": 10, "settle": 0}


# A file that is deleted or replaced under a running campaign


@pytest.mark.parametrize("how", ["deleted", "deleted with its log", "replaced"])
async def test_a_file_vanishes_under_a_campaign_and_another_process_begins(
    tmp_path, box, clock, how
):
    """The new process texts everybody, as documented, and the old one sends nothing more.

    If the log of the old file is beside the new one, SQLite may fail to open it.
    """
    path, other = tmp_path / "campaigns.db", tmp_path / "other.db"
    sent, others = [], []

    async def happens():
        sent.extend(message.destination for message in box.messages)
        if how == "replaced":
            empty = SQLiteJournal(other)
            await empty.add_seen("1", "DELIVERED")
            await empty.close()
            other.replace(path)
        else:
            path.unlink()
        if how != "deleted":
            for beside in ("-wal", "-shm"):
                (tmp_path / f"campaigns.db{beside}").unlink()
        process = await worker(order(box, path, destinations=TWENTY, chunk_size=4))
        others.append(await process.wait())

    journal = Watched(path, clock=clock, happens=happens, nth=3)
    async with client(box) as sms:
        use_clock(sms, clock)
        with pytest.raises(JournalError, match="deleted or replaced"):
            await sms.bulk.send(
                **TEXT_TO_MANY,
                destinations=TWENTY,
                journal=journal,
                campaign="x",
                chunk_size=4,
                concurrency=1,
            )
    await journal.close()
    assert len(sent) == 8
    twice = {n for n, count in box.accepted_by_destination().items() if count == 2}
    assert max(box.accepted_by_destination().values()) <= 2
    if others == [0]:
        assert twice == set(sent)
        assert len(box.accepted_by_destination()) == 20
    else:
        assert how == "deleted"
        assert not twice


async def test_a_second_campaign_cannot_begin_in_a_file_that_took_the_place_of_an_open_one(
    tmp_path, sms, box, clock
):
    path = tmp_path / "campaigns.db"
    first = SQLiteJournal(path, clock=clock)
    await sms.bulk.send(**CAMPAIGN, journal=first, destinations=TEN)
    path.unlink()
    with pytest.raises(JournalError, match="deleted or replaced"):
        await sms.bulk.send(**CAMPAIGN, journal=path, destinations=TEN)
    assert not path.exists()
    await first.close()
    assert nobody_twice(box)


# A relative path, and a different working directory


async def test_a_relative_path_stays_in_the_folder_in_which_it_was_given(
    tmp_path, sms, box, monkeypatch
):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)

    def wander(_):
        os.chdir(elsewhere)

    run = {**CAMPAIGN, "chunk_size": 5, "concurrency": 1}
    journal = SQLiteJournal("campaigns.db")
    await sms.bulk.send(**run, journal=journal, destinations=TEN, progress=wander)
    assert (await sms.bulk.send(**run, journal=journal, destinations=TEN)).accepted == 10
    await journal.close()
    assert box.accepted() == 10
    assert not list(elsewhere.iterdir())


async def test_a_relative_path_from_another_folder_is_another_file_and_the_log_says_so(
    tmp_path, sms, box, monkeypatch, caplog
):
    """As from cron, in a different working directory; an absolute path continues the campaign."""
    caplog.set_level(logging.INFO, logger="smsworks_async.bulk")
    run = {**CAMPAIGN, "destinations": TEN}
    folders = [tmp_path / "mine", tmp_path / "crons"]
    for folder in folders:
        folder.mkdir()
        monkeypatch.chdir(folder)
        caplog.clear()
        await sms.bulk.send(**run, journal="campaigns.db")
        assert str(folder / "campaigns.db") in caplog.text
        assert "a new file" in caplog.text
    assert Counter(box.accepted_by_destination().values()) == {2: 10}, "as the docs say"
    caplog.clear()
    report = await sms.bulk.send(**run, journal=folders[0] / "campaigns.db")
    assert report.accepted == 10
    assert box.accepted() == 20
    assert str(folders[0] / "campaigns.db") in caplog.text
    assert "a new file" not in caplog.text
