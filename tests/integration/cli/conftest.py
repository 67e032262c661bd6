"""Fixtures for the campaign commands: files of recipients, and a planned campaign."""

from __future__ import annotations

import pytest

from support.campaign_commands import planned
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


@pytest.fixture
def journal(tmp_path):
    """Return the path of a journal that does not exist yet."""
    return str(tmp_path / "campaigns.db")


@pytest.fixture
def shop(smsworks, journal):
    """The command, with a planned campaign of six chunks in its journal."""
    return planned(smsworks, journal)
