"""The output of ``smsworks demo``: progress, and a table of the outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from smsworks_async.cli._campaign_records import counts_record
from smsworks_async.cli._records import amount
from smsworks_async.cli._text import fold
from smsworks_async.models.incoming import MessageRecord
from smsworks_async.models.report import BulkReport


if TYPE_CHECKING:
    from smsworks_async.cli._output import Output


#: The width of names, figures and bars, in columns.
_NAME: Final = 26
_FIGURE: Final = 6
_BAR: Final = 30


class Progress:
    """A progress bar on a terminal; no output elsewhere.

    Args:
        out: the output.
    """

    def __init__(self, out: Output) -> None:
        self._bar: Any = None
        self._task: Any = None
        if out.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn())
            self._bar = Bar(*columns, console=out.console, transient=True)

    def start(self, words: str, total: int) -> None:
        """Begin a phase of ``total`` steps."""
        if self._bar is not None:
            self._task = self._bar.add_task(words, total=total)

    def update(self, done: int) -> None:
        """Show the number of steps of the phase that are done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


class _Row(NamedTuple):
    """A row of the table.

    Attributes:
        name: the name of the figure.
        figure: the figure, formatted.
        share: its share of all recipients, from 0 to 1; None for a row without a bar.
        style: the style of the bar.
        remark: a remark; an empty string without one.
        details: the reasons that make up the figure, each with its count.
    """

    name: str
    figure: str
    share: float | None = None
    style: str = ""
    remark: str = ""
    details: tuple[tuple[str, int], ...] = ()


def show(
    out: Output,
    report: BulkReport,
    records: Sequence[MessageRecord],
    spent: float,
    seconds: float,
) -> None:
    """Show the outcomes.

    Args:
        out: the output.
        report: the report of the bulk.
        records: the records of its messages and of the single message.
        spent: the credits that were used.
        seconds: the time that all took.
    """
    out.record(_record(report, records, spent, seconds))
    if not out.json:
        for row in _rows(report, records, spent, seconds):
            _show_row(out, row)
    if report.stopped is not None:
        out.line(f"\nThe run stopped early: {report.stopped}")


def _record(
    report: BulkReport, records: Sequence[MessageRecord], spent: float, seconds: float
) -> dict[str, Any]:
    delivered = sum(record.status == "DELIVERED" for record in records)
    is_final = sum(record.is_final for record in records)
    return {
        **counts_record(report),
        "delivered": delivered,
        "not_delivered": is_final - delivered,
        "waiting": len(records) - is_final,
        "credits": spent,
        "seconds": seconds,
    }


def _rows(
    report: BulkReport, records: Sequence[MessageRecord], spent: float, seconds: float
) -> Iterator[_Row]:
    delivered = sum(record.status == "DELIVERED" for record in records)
    waiting = sum(not record.is_final for record in records)
    failed = Counter(
        _failure(record) for record in records if record.is_final and record.status != "DELIVERED"
    )
    invalid = Counter(
        problem.message.partition(": ")[2].partition("; ")[0]
        for problem in report.problems
        if problem.reason == "invalid"
    )

    def row(name: str, count: int, style: str, *details: tuple[str, int], remark: str = "") -> _Row:
        share = count / report.read if report.read else 0.0
        return _Row(name, str(count), share, style, remark, details)

    yield _Row("one message", "1")
    yield _Row("read from the file", str(report.read))
    requests = f"in {len(report.batches)} requests"
    yield row("  sent", report.accepted, "green", remark=requests)
    yield row("  repeats, set aside", report.duplicates, "yellow")
    yield row("  invalid, set aside", report.invalid, "yellow", *invalid.most_common())
    for name, count in (
        ("  refused", report.rejected),
        ("  not known whether sent", report.unknown),
        ("  not sent", report.not_sent),
    ):
        if count:
            yield row(name, count, "red")
    yield row("delivered", delivered, "green")
    yield row("not delivered", sum(failed.values()), "red", *failed.most_common())
    if waiting:
        yield row("not yet final", waiting, "yellow")
    yield _Row("credits", amount(spent), remark="undelivered texts to the UK are refunded")
    yield _Row("seconds", f"{seconds:.1f}")


def _failure(record: MessageRecord) -> str:
    reason = record.failure_reason
    return f"{reason.code} {reason.details}" if reason else record.status


def _show_row(out: Output, row: _Row) -> None:
    line = f"{row.name:<{_NAME}}{row.figure:>{_FIGURE}}"
    if out.is_terminal and row.share is not None and out.width >= _NAME + _FIGURE + _BAR:
        from rich.text import Text

        drawn = round(row.share * _BAR) or (row.share > 0)
        styled = Text(f"{line}  ")
        styled.append("█" * drawn, style=row.style)
        styled.append("░" * (_BAR - drawn), style="dim")
        out.console.print(styled)
    else:
        is_beside = len(f"{line}  {row.remark}") <= out.width
        out.line(f"{line}  {row.remark}".rstrip() if is_beside else line)
        for part in () if is_beside else fold(row.remark, out.width - 4):
            out.line(f"    {part}")
    for detail in _detail_lines(row.details, out.width):
        out.line(detail)


def _detail_lines(details: Iterable[tuple[str, int]], width: int) -> Iterator[str]:
    for words, count in details:
        first, *others = fold(words, width - 12)
        yield f"{count:>10}  {first}"
        for part in others:
            yield f"{'':>10}  {part}"
