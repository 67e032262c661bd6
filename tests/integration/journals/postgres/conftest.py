"""Journals of one PostgreSQL database."""

from __future__ import annotations

import pytest

from smsworks_async.journals import PostgresJournal


@pytest.fixture
async def open_journal(postgres_url):
    opened = []

    def open_(**options):
        opened.append(PostgresJournal(postgres_url, **options))
        return opened[-1]

    yield open_
    for journal in opened:
        await journal.close()
