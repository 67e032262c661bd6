"""Show the preview of `campaign send`, as text or as JSON."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from smsworks_async.cli._earlier import exists
from smsworks_async.cli._folders import journal_label
from smsworks_async.cli._records import amount, local, plural
from smsworks_async.cli._text import columns_of, printable


if TYPE_CHECKING:
    from smsworks_async.bulk.estimate import BulkEstimate
    from smsworks_async.cli._earlier import Earlier
    from smsworks_async.cli._output import Output
    from smsworks_async.files import Recipients, Summary
    from smsworks_async.models.window import SendWindow


_FORMATS: Final = {
    "csv": "CSV",
    "tsv": "TSV",
    "list": "one number on each line",
    "jsonl": "JSON lines",
    "xlsx": "Excel workbook",
    "ods": "OpenDocument spreadsheet",
}
_SEPARATORS: Final = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
_NO_JOURNAL: Final = " (does not exist; sending creates it)"
#: The number of rows shown of those that were set aside.
_EXAMPLES: Final = 5


@attrs.frozen
class Preview:
    """What sending a campaign would do.

    Attributes:
        people: the recipients in the file.
        summary: the counts of the file's rows.
        estimate: the estimated cost.
        earlier: the journal's record of this campaign and of recent ones.
        sender: the sender ID.
        journal: the path or URL of the journal.
        window: the hours in which requests may be sent, or None.
        copy: the path of the copy of the rows that were set aside, or None.
        gsm: whether typographic characters are replaced.
        saved_by_gsm: the credits that this saves, or would save.
    """

    people: Recipients
    summary: Summary
    estimate: BulkEstimate
    earlier: Earlier
    sender: str
    journal: str
    window: SendWindow | None = None
    copy: Path | None = None
    gsm: bool = False
    saved_by_gsm: float = 0.0


def as_record(preview: Preview) -> dict[str, Any]:
    """Return the preview as a JSON record."""
    people, summary, estimate = preview.people, preview.summary, preview.estimate
    earlier = preview.earlier
    return {
        "event": "plan",
        "campaign": earlier.name,
        "state": "new" if earlier.status is None else earlier.status.state,
        "file": people.path or "-",
        "format": people.format,
        "column": people.column.heading or people.column.letter,
        "rows": summary.rows,
        "mended": summary.mended,
        "invalid": summary.set_aside + estimate.invalid,
        "copy": preview.copy and str(preview.copy),
        "recipients": estimate.recipients,
        "repeats": estimate.duplicates,
        "opted_out": estimate.opted_out,
        "journal_exists": exists(preview.journal),
        "shared": earlier.count,
        "shared_with": earlier.shared,
        "segments": estimate.segments,
        "credits": estimate.credits,
        "gsm": preview.gsm,
        "saved_by_gsm": preview.saved_by_gsm,
        "balance": estimate.balance,
        "samples": list(estimate.samples),
        "window": preview.window and str(preview.window),
        "warnings": [*people.notices, *estimate.warnings],
    }


def show(out: Output, preview: Preview) -> None:
    """Show the preview."""
    if out.json:
        out.record(as_record(preview))
        return
    people, summary, estimate = preview.people, preview.summary, preview.estimate
    known = exists(preview.journal)
    out.fields(
        [
            ("File", f"{people.path or 'standard input'} ({_format_of(people)})"),
            ("Numbers", f"column {people.column}" if people.headings else None),
            ("Campaign", f"{preview.earlier.name}{_state_of(preview.earlier)}"),
            ("Sender", preview.sender),
            ("Journal", f"{journal_label(preview.journal)}{'' if known else _NO_JOURNAL}"),
        ]
    )
    out.line()
    costs = [] if estimate.balance is None else [f"of {amount(estimate.balance)} on the account"]
    if preview.saved_by_gsm > 0:
        verb = "saves" if preview.gsm else "would save"
        costs.append(f"--gsm {verb} {amount(preview.saved_by_gsm)}")
    opted_out = "left out" if estimate.opted_out else ""
    if not known:
        opted_out = "no list, because the journal does not exist"
    rows = [
        ("Recipients", amount(estimate.recipients), ""),
        ("  mended", amount(summary.mended), _commonest(summary.mendings)),
        ("Set aside", amount(summary.set_aside + estimate.invalid), _commonest(summary.problems)),
        ("Repeats", amount(estimate.duplicates), "texted once" if estimate.duplicates else ""),
        ("Opted out", amount(estimate.opted_out), opted_out),
        ("Segments", amount(estimate.segments), _unicode_of(estimate)),
        ("Credits", amount(estimate.credits), "; ".join(costs)),
    ]
    wide = max(len(figure) for _, figure, _ in rows)
    for name, figure, remark in rows:
        _wrapped(out, f"{name:<12}{figure:>{wide}}", remark, 14 + wide)
    if preview.window is not None:
        out.line(f"{'Window':<12}{preview.window}{_closed(preview.window)}")
    _show_rows(out, preview)
    _show_samples(out, estimate.samples)
    for words in (*people.notices, *estimate.warnings):
        out.line()
        _wrapped(out, "Note:", words, 6)


def _format_of(people: Recipients) -> str:
    dialect = people.dialect
    if dialect is None:
        return f"{_FORMATS[people.format]}, sheet {people.sheet}"
    parts = [_FORMATS[people.format], dialect.encoding.removesuffix("-sig")]
    if people.format == "csv":
        parts.append(_SEPARATORS.get(dialect.delimiter, dialect.delimiter))
    return ", ".join(parts)


def _state_of(earlier: Earlier) -> str:
    if earlier.status is None or earlier.begun is None:
        return " (new)"
    return f" (begun {local(earlier.begun)}, {earlier.status.state})"


def _commonest(reasons: Any) -> str:
    if not reasons:
        return ""
    first, *others = reasons
    more = f", and {plural(len(others), 'other reason')}" if others else ""
    return f"{first}{more}"


def _unicode_of(estimate: BulkEstimate) -> str:
    if not estimate.unicode:
        return ""
    few = " ".join(list(estimate.offenders)[:5])
    return f"{plural(estimate.unicode, 'text')} in Unicode because of {few}"


def _closed(window: SendWindow) -> str:
    now = time.time()
    if window.is_open(now):
        return ""
    opens = window.opens(now)
    until = "" if opens is None else f" until {datetime.fromtimestamp(opens).astimezone():%a %H:%M}"
    return f" (closed{until}; sending waits)"


def _show_rows(out: Output, preview: Preview) -> None:
    """Show the first rows that were set aside."""
    rows = preview.summary.examples[:_EXAMPLES]
    if not rows:
        return
    out.line()
    for row in rows:
        _wrapped(out, f"Row {row.number}:", f"{row.problem}; {row.suggestion}", 4)
    more = preview.summary.set_aside - len(rows)
    if more:
        out.line(f"and {plural(more, 'other row')}")
    if preview.copy is not None:
        out.line(f"All of them are in {preview.copy}")
        out.line("Correct them there, and send that file.")


def _show_samples(out: Output, samples: tuple[str, ...]) -> None:
    """Show texts in a frame, with their line breaks, as a phone would."""
    for number, sample in enumerate(samples, 1):
        out.line()
        of = f" {number} of {len(samples)}" if len(samples) > 1 else ""
        out.line(f"Sample{of}")
        for line in sample.splitlines() or [""]:
            for part in folded(line, min(out.width, 60) - 4):
                out.line(f"  │ {part}")


def folded(line: str, width: int) -> Iterator[str]:
    """Yield the parts of a line that is wrapped to a width in columns, at spaces if possible.

    >>> list(folded("We open at nine on Monday", 12))
    ['We open at', 'nine on', 'Monday']
    """
    part = ""
    for word in printable(line).split(" "):
        joined = f"{part} {word}" if part else word
        if sum(map(columns_of, joined)) <= width:
            part = joined
            continue
        if part:
            yield part
        part = word
        while sum(map(columns_of, part)) > width:
            cut = len(part)
            while sum(map(columns_of, part[:cut])) > width and cut > 1:
                cut -= 1
            yield part[:cut]
            part = part[cut:]
    yield part


def _wrapped(out: Output, first: str, text: str, indent: int) -> None:
    """Write a label and a text that is wrapped to the output's width."""
    lines = list(folded(text, max(20, out.width - max(indent, len(first) + 2))))
    out.line(f"{first:<{indent - 2}}  {lines[0]}".rstrip() if lines[0] else first)
    for line in lines[1:]:
        out.line(f"{'':<{max(indent, len(first) + 2)}}{line}")
