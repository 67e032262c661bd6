"""The folders of the command's files, and the display of journals."""

from __future__ import annotations

import pytest

from smsworks_async.cli._folders import journal_label


@pytest.mark.parametrize(
    ("journal", "words"),
    [
        ("/srv/shop/sms.db", "/srv/shop/sms.db"),
        ("postgresql://db.test/sms", "postgresql://db.test/sms"),
        ("postgresql://anna:hunter2@db.test/sms", "postgresql://db.test/sms"),
        ("postgresql://db.test/sms?user=anna&password=hunter2", "postgresql://db.test/sms"),
        ("postgresql://anna:hunt/er2@db.test/sms", "postgresql://..."),
        ("postgresql://anna:hunter2@[db.test/sms", "postgresql://..."),
    ],
)
def test_journal_label_shows_no_password(journal, words):
    assert journal_label(journal) == words
