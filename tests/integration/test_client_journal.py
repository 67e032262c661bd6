"""`journal=` and `opt_outs=` of a client: opened on use, shared, and closed by their owner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, JournalError, OptOuts, SMSWorks
from smsworks_async.journals import MemoryJournal, SQLiteJournal
from support.internals import journal_of


NUMBER = "07700 900123"


def test_a_client_imports_nothing_of_journals_before_it_uses_one(tmp_path):
    code = (
        # A tool that measures coverage has imported some of it itself.
        "import sys; before = set(sys.modules)\n"
        "from smsworks_async import AsyncSMSWorks\n"
        "sms = AsyncSMSWorks('eyJ', journal='x.db', opt_outs='y.db')\n"
        "new = set(sys.modules) - before\n"
        "print([m for m in new if 'journals' in m or 'optouts' in m or m == 'sqlite3'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


async def test_a_path_is_opened_when_it_is_first_used_where_the_client_was_made(
    tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    async with AsyncSMSWorks("eyJ", journal="sms.db") as sms:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert not Path(tmp_path / "sms.db").exists()
        await sms.opt_outs.add(NUMBER)
        assert (tmp_path / "sms.db").exists()
        journal = journal_of(sms).journal()
        assert journal is journal_of(sms).journal()
        assert journal_of(sms).opt_outs() is journal_of(sms).opt_outs()
        assert await OptOuts(journal).contains(NUMBER)
    with pytest.raises(JournalError, match="closed"):
        await journal.seen("1")


async def test_a_list_of_its_own_comes_before_the_one_in_the_journal(tmp_path):
    async with AsyncSMSWorks("eyJ", journal=MemoryJournal(), opt_outs=tmp_path / "o.db") as sms:
        await sms.opt_outs.add(NUMBER)
        assert not await OptOuts(journal_of(sms).journal()).contains(NUMBER)
    async with OptOuts(tmp_path / "o.db") as opt_outs:
        assert await opt_outs.contains(NUMBER)


@pytest.mark.parametrize("name", ["journal", "opt_outs"])
async def test_what_was_given_stays_open(tmp_path, name):
    journal = SQLiteJournal(tmp_path / "sms.db")
    async with AsyncSMSWorks("eyJ", **{name: journal}) as sms:
        await sms.opt_outs.add(NUMBER)
        if name == "journal":
            assert journal_of(sms).journal() is journal
    assert await OptOuts(journal).contains(NUMBER)
    await journal.close()


async def test_a_list_that_was_given_is_used_as_it_is_and_stays_open(tmp_path):
    async with OptOuts(tmp_path / "o.db") as opt_outs:
        async with AsyncSMSWorks("eyJ", opt_outs=opt_outs) as sms:
            assert journal_of(sms).opt_outs() is opt_outs
            await sms.opt_outs.add(NUMBER)
        assert await opt_outs.contains(NUMBER)


async def test_without_either_the_list_is_a_configuration_error():
    async with AsyncSMSWorks("eyJ") as sms:
        assert (journal_of(sms).journal(), journal_of(sms).opt_outs()) == (None, None)
        for call in (sms.opt_outs.add, sms.opt_outs.contains, sms.opt_outs.history):
            with pytest.raises(ConfigurationError, match="opt_outs= or journal="):
                await call(NUMBER)
        with pytest.raises(ConfigurationError):
            await sms.opt_outs.among(numbers=[NUMBER])
        with pytest.raises(ConfigurationError):
            await anext(sms.opt_outs.iterate())


async def test_a_closed_client_opens_nothing(tmp_path):
    sms = AsyncSMSWorks("eyJ", journal=tmp_path / "sms.db")
    await sms.close()
    await sms.close()
    with pytest.raises(ConfigurationError, match="closed"):
        await sms.opt_outs.add(NUMBER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["journal", "opt_outs"])
async def test_a_closed_client_says_so_even_if_its_list_was_in_use(tmp_path, name):
    async with AsyncSMSWorks("eyJ", **{name: tmp_path / "sms.db"}) as sms:
        await sms.opt_outs.add(NUMBER)
    with pytest.raises(ConfigurationError, match="this client is closed"):
        await sms.opt_outs.contains(NUMBER)


@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
@pytest.mark.parametrize("name", ["journal", "opt_outs"])
@pytest.mark.parametrize("value", ["", "  ", 5, b"sms.db", ["sms.db"], object(), True])
def test_what_is_no_journal_is_refused_when_the_client_is_made(client, name, value):
    with pytest.raises(ConfigurationError, match=name):
        client("eyJ", **{name: value})


def test_a_list_is_no_journal():
    with pytest.raises(ConfigurationError, match="journal must be"):
        AsyncSMSWorks("eyJ", journal=OptOuts(MemoryJournal()))
