r"""Recipients from spreadsheets and lists: CSV, TSV, JSON lines, XLSX, ODS, a number on each line.

>>> import io
>>> from smsworks_async.files import read_recipients
>>> people = read_recipients(io.StringIO("Name;Mobile\nAda;07700 900123\nBob;020 7946 0000\n"))
>>> people.column.heading, list(people.destinations())
('Mobile', ['447700900123'])
>>> people.check().set_aside
1

Each row is taken, mended (with a notice), or set aside (with a reason). This package does not send,
ask or print anything; `write_set_aside` writes the rows that were set aside to a file that can be
corrected and sent.
"""

from .dialects import Dialect
from .headings import Column
from .mended import write_set_aside
from .reading import read_recipients
from .recipients import Recipients, Row, Summary


__all__ = [
    "Column",
    "Dialect",
    "Recipients",
    "Row",
    "Summary",
    "read_recipients",
    "write_set_aside",
]
