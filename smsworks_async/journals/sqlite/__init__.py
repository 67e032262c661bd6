"""A journal in an SQLite file."""

from smsworks_async.journals.sqlite.journal import SQLiteJournal


__all__ = ["SQLiteJournal"]
