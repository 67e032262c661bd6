"""Texts whose fields are column headings, such as ``"Hi {First name}"``."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any, Final

from smsworks_async.bulk.templates import Template
from smsworks_async.errors import ValidationError
from smsworks_async.files.headings import letters, simplified
from smsworks_async.models import checks, values


# The number of headings that an error message lists.
_NAMED: Final = 8


class Message:
    """A text whose fields are headings of a file.

    Attributes:
        template: the text in the form for `bulk.send_each`, with its fields as identifiers.
        names: the index of the column for each field, by the field's name in ``template``.
        plain: the text with ``{{`` and ``}}`` replaced by single braces, if it has no fields;
            otherwise None.

    Arguments:
        text: the text; ``{{`` and ``}}`` stand for literal braces.
        headings: the headings of all columns.

    Raises:
        ValidationError: the text is empty or malformed, or a field matches no column or several.
            The field is ``message``.
    """

    def __init__(self, text: str, headings: Sequence[str]) -> None:
        text = values.text(text, "message")
        if not text.strip():
            raise ValidationError("message is empty; pass the text to send", field="message")
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
        """Return a row's value for each field, by the field's name."""
        return {
            name: _shown(cells[index]) if index < len(cells) else None
            for name, index in self.names.items()
        }

    def problem(self, cells: Sequence[Any]) -> str | None:
        """Return the reason why a row's text cannot be sent; None if it can."""
        row = self.values(cells)
        for name, index in self.names.items():
            if values.is_missing(row[name]):
                return f"{self._headings[index]} is blank, but the message needs it"
        try:
            checks.content(self._template.fill(row))
        except ValidationError as error:
            return f"its text cannot be sent: {error}"
        return None


def _shown(cell: Any) -> Any:
    """Return a cell with runs of white space replaced by one space, if it is text."""
    return " ".join(cell.split()) if isinstance(cell, str) else cell


def _parsed(text: str) -> list[tuple[str, str | None]]:
    """Return the literal parts of a text, each with the field that follows it, or None."""
    try:
        parsed = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValidationError(
            f"message: {error}; write {{{{ and }}}} for literal braces", field="message"
        ) from None
    parts: list[tuple[str, str | None]] = []
    for literal, field, form, conversion in parsed:
        if field is not None and (form or conversion):
            # `Formatter.parse` splits a heading that contains a colon or an exclamation mark.
            field += (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")  # noqa: PLW2901
        parts.append((literal, field))
    return parts


def _column(field: str, headings: Sequence[str]) -> tuple[str, int]:
    """Return a field's name in the template, and the index of its column."""
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
            f"the message has the field {{{field}}}, but no column has that heading; {columns}",
            field="message",
        )
    if len(found) > 1:
        columns = " and ".join(map(letters, found))
        raise ValidationError(
            f"the message has the field {{{field}}}, which is the heading of columns {columns}; "
            "rename one of them in the file",
            field="message",
        )
    return (wanted if wanted.isidentifier() else f"column_{found[0] + 1}"), found[0]
