"""Texts with fields that are named by headings, such as ``"Hi {First name}"``."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Final

from smsworks_async.bulk.templates import Template
from smsworks_async.errors import ValidationError
from smsworks_async.files.headings import letters, simplified
from smsworks_async.models import checks, values


# How many headings an error names.
_NAMED: Final = 8


class Message:
    """A text whose fields are headings of a file.

    Attributes:
        template: the text as `bulk.send_each` takes it, its fields simplified to names.
        names: the names of its fields, each with the index of its column.
        plain: the text itself where it has no fields, with single braces; otherwise None.

    Arguments:
        text: the text; ``{{`` and ``}}`` stand for braces.
        headings: of all columns.

    Raises:
        ValidationError: it is no such text, or a field is no heading, or one of several columns.
            The field is ``message``.
    """

    def __init__(self, text: str, headings: Sequence[str]) -> None:
        text = values.text(text, "message")
        if not text.strip():
            raise ValidationError("message is empty; write something", field="message")
        self._headings = headings
        self.names: dict[str, int] = {}
        parts: list[str] = []
        for literal, field in _parsed(text):
            parts.append(literal.replace("{", "{{").replace("}", "}}"))
            if field is not None:
                name, index = _column(field, headings)
                self.names[name] = index
                parts.append(f"{{{name}}}")
        self.template = "".join(parts)
        self.plain = None if self.names else self.template.format()
        self._template = Template(self.template)
        if self.plain is not None:
            checks.content(self.plain, "message")

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return a row's values for the fields, by name."""
        return {
            name: _shown(cells[index]) if index < len(cells) else None
            for name, index in self.names.items()
        }

    def problem(self, cells: Sequence[Any]) -> str | None:
        """Return why a row's text cannot be made; None where it can."""
        row = self.values(cells)
        for name, index in self.names.items():
            if values.is_missing(row[name]):
                return f"{self._headings[index]} is blank, and the message asks for it"
        try:
            checks.content(self._template.fill(row))
        except ValidationError as error:
            return f"its text cannot be sent: {error}"
        return None


def _shown(cell: Any) -> Any:
    """Return a cell as a text shows it: text without blanks around it, and no line breaks."""
    return " ".join(cell.split()) if isinstance(cell, str) else cell


def _parsed(text: str) -> list[tuple[str, str | None]]:
    """Return a text's literal parts, each with the field after it."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValidationError(
            f"message: {error}; write {{{{ and }}}} for braces", field="message"
        ) from None
    parts: list[tuple[str, str | None]] = []
    for literal, field, form, conversion in parsed:
        if field is not None and (form or conversion):
            # The heading has a colon or an exclamation mark in it.
            field += (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")  # noqa: PLW2901
        parts.append((literal, field))
    return parts


def _column(field: str, headings: Sequence[str]) -> tuple[str, int]:
    """Return a field's name, and the index of its column."""
    wanted = simplified(field)
    found = [index for index, one in enumerate(headings) if wanted and simplified(one) == wanted]
    exact = [index for index in found if headings[index] == field.strip()]
    if len(exact) == 1:
        found = exact
    if not found:
        named = [one for one in headings if one]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        columns = (
            f"the columns are {', '.join(named[:_NAMED])}{more}"
            if named
            else "the file has no headings"
        )
        raise ValidationError(
            f"the message has the field {{{field}}}, and no column is called so; {columns}",
            field="message",
        )
    if len(found) > 1:
        columns = " and ".join(map(letters, found))
        raise ValidationError(
            f"the message has the field {{{field}}}, and columns {columns} are called so; rename "
            "one of them in the file",
            field="message",
        )
    return (wanted if wanted.isidentifier() else f"column_{found[0] + 1}"), found[0]
