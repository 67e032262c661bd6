"""Shared parts of the opt-out commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click


if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smsworks_async.cli._app import App
    from smsworks_async.models.opt_outs import Change, OptOutEvent


F = TypeVar("F", bound="Callable[..., Any]")

_WORDS = {
    ("out", True): "opted out",
    ("out", False): "had opted out before",
    ("in", True): "opted in again",
    ("in", False): "had not opted out",
}


def source_option(default: str) -> Callable[[F], F]:
    """Return a decorator that adds the option ``--source``."""
    return click.option(
        "--source",
        default=default,
        show_default=True,
        metavar="TEXT",
        help="How the person asked for it; kept in the list's history.",
    )


def event_record(event: OptOutEvent) -> dict[str, Any]:
    """Return an event of the list as a JSON record."""
    import attrs

    return attrs.asdict(event)


async def change_numbers(
    app: App, journal: str, numbers: Sequence[str], change: Change, source: str
) -> None:
    """Record that numbers opt out or in. If one is invalid, none is recorded.

    Raises:
        ValidationError: a number is invalid; nothing was recorded.
        JournalError: not all numbers could be recorded; a note has the count.
    """
    from smsworks_async.errors import JournalError, ValidationError
    from smsworks_async.optouts import OptOuts

    async with OptOuts(journal) as listed:
        for number in numbers:
            try:
                await listed.contains(number)
            except ValidationError as error:
                error.add_note("nothing was recorded")
                raise
        act = listed.add if change == "out" else listed.remove
        # Record all of them before writing a line, which may fail.
        changes: list[tuple[str, bool]] = []
        for number in numbers:
            try:
                changes.append((number, await act(number, source=source)))
            except JournalError as error:
                error.add_note(f"{len(changes)} of {len(numbers)} numbers were recorded")
                raise
    for number, recorded in changes:
        app.out.result(
            {"number": number, "change": change, "recorded": recorded},
            f"{number}: {_WORDS[change, recorded]}",
        )
