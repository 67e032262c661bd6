"""A fixture that writes files of recipients, for the tests of `campaign send`."""

from __future__ import annotations

import pytest

from support.campaign_send import HEADINGS, PEOPLE
from support.spreadsheets import csv_bytes


@pytest.fixture
def people(tmp_path):
    """Return a function that writes a file of recipients and returns its path."""

    def people(*more, name="people.csv", rows=PEOPLE):
        path = tmp_path / name
        path.write_bytes(csv_bytes([HEADINGS, *rows, *more]))
        return str(path)

    return people
