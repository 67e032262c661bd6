"""The page at `/`: the latest messages and requests of a running sandbox.

`index.html` in `page` is a template; the files beside it are sent as they are.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from string import Template
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from . import dates
from .records import plain


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .simulator import Simulator


LATEST = 50
STYLE_PATH = "/sandbox/style.css"

_FILES = resources.files(__name__.rpartition(".")[0]).joinpath("page")


@cache
def _read(name: str) -> str:
    return _FILES.joinpath(name).read_text("utf-8")


def style() -> str:
    """Return the page's style sheet."""
    return _read("style.css")


def render(simulator: Simulator) -> str:
    """Return the page as HTML."""
    sent = _table(
        "Latest messages",
        ("Sent", "To", "From", "Content", "Status", "Credits", "Batch"),
        (
            (
                dates.iso(message.created),
                message.destination,
                message.sender,
                message.content,
                f"{message.status} {message.failure or ''}",
                plain(message.credits),
                message.batch_id or "",
            )
            for message in reversed(simulator.messages[-LATEST:])
        ),
    )
    requested = _table(
        "Latest requests",
        ("At", "Request", "Answer", "Unknown fields"),
        (
            (
                dates.iso(record.at.timestamp()),
                f"{record.method} {record.path}",
                record.status or "none",
                ", ".join(record.unknown_fields),
            )
            for record in reversed(simulator.requests[-LATEST:])
        ),
    )
    return Template(_read("index.html")).substitute(
        style=STYLE_PATH,
        accepted=simulator.accepted(),
        credits=plain(simulator.state.account.credits),
        requests=len(simulator.requests),
        tables=sent + requested,
    )


def _table(caption: str, names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as HTML, with everything in it escaped."""
    table = ET.Element("table")
    ET.SubElement(table, "caption").text = caption
    _add_row(table, "th", names)
    for row in rows:
        _add_row(table, "td", row)
    return ET.tostring(table, encoding="unicode", method="html")


def _add_row(table: ET.Element, tag: str, cells: Iterable[object]) -> None:
    row = ET.SubElement(table, "tr")
    row.tail = "\n"
    for cell in cells:
        # Half of a surrogate pair is legal in JSON, and in no encoding.
        ET.SubElement(row, tag).text = str(cell).encode("utf-8", "replace").decode("utf-8")
