"""The page at `/`: what a person wants to see of a running sandbox."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from . import dates
from .records import plain


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .server import Sandbox


LATEST = 50

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>SMS sandbox</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 70rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
caption {{ font-weight: bold; padding: 1rem 0 .3rem; text-align: left }}
td, th {{ border-bottom: 1px solid #ddd; padding: .2rem .6rem .2rem 0; text-align: left;
  vertical-align: top }}
td {{ overflow-wrap: anywhere }}
</style>
</head>
<body>
<h1>SMS sandbox</h1>
<p>Nothing here ever reaches a phone.
{accepted} accepted, {credits} credits left, {requests} requests.</p>
{tables}
</body>
</html>
"""


def render(box: Sandbox) -> str:
    """Return the page as it stands now."""
    messages = box.messages
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
            for message in reversed(messages[-LATEST:])
        ),
    )
    asked = _table(
        "Latest requests",
        ("At", "Request", "Answer", "Unknown fields"),
        (
            (
                dates.iso(record.at.timestamp()),
                f"{record.method} {record.path}",
                record.status or "none",
                ", ".join(record.unknown_fields),
            )
            for record in reversed(box.requests[-LATEST:])
        ),
    )
    return _PAGE.format(
        accepted=box.accepted(),
        credits=plain(box.credits),
        requests=len(box.requests),
        tables=sent + asked,
    )


def _table(caption: str, names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_printable(cell))}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>\n{body}</table>\n"


def _printable(cell: object) -> str:
    # Half of a surrogate pair is legal in JSON, and in no encoding.
    return str(cell).encode("utf-8", "replace").decode("utf-8")
