"""A journal in a PostgreSQL database."""

from smsworks_async.journals.postgres.journal import PostgresJournal, lay_out


__all__ = ["PostgresJournal", "lay_out"]
