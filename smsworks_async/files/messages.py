"""Texts whose fields are column headings, such as ``"Hi {First name}"``."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any, Final

from smsworks_async.bulk.templates import Template
from smsworks_async.errors import ValidationError
from smsworks_async.files.headings import letters, simplified
from smsworks_async.models import checks, values
from smsworks_async.text import to_gsm


# The number of headings that an error message lists.
_NAMED: Final = 8


class Message:
    """A text whose fields are headings of a file.

    Attributes:
        source: the text with its fields as identifiers.
        template: the text in the form for `bulk.send_each`: the source, or one field for the whole
            text if characters are replaced after the fields are filled.
        names: the index of the column for each field, by the field's name in ``source``.
        plain: the text with ``{{`` and ``}}`` replaced by single braces, if it has no fields;
            otherwise None.

    Arguments:
        text: the text; ``{{`` and ``}}`` stand for literal braces.
        headings: the headings of all columns.
        gsm: apply `text.to_gsm` to the text, after its fields are filled.

    Raises:
        ValidationError: the text is empty or malformed, or a field matches no column or several.
            The field is ``message``.
    """

    def __init__(self, text: str, headings: Sequence[str], *, gsm: bool = False) -> None:
        text = values.text(text, "message")
        if not text.strip():
            raise ValidationError("message is empty; pass the text to send", field="message")
        self._headings = headings
        self.names: dict[str, int] = {}
        self._convert: Callable[[str], str] = to_gsm if gsm else str
        parts: list[str] = []
        converted: list[str] = []
        for literal, field in _parsed(text):
            for some, part in ((parts, literal), (converted, self._convert(literal))):
                some.append(part.replace("{", "{{").replace("}", "}}"))
            if field is not None:
                name, index = _column(field, headings)
                self.names[name] = index
                for some in (parts, converted):
                    some.append(f"{{{name}}}")
        self._filled = Template("".join(parts))
        self.source = "".join(converted)
        self._is_whole = gsm and bool(self.names)
        self.template = "{text}" if self._is_whole else self.source
        self.plain = None if self.names else self.source.format()
        if self.plain is not None:
            checks.content(self.plain, "message")

    def values(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the row for the template: the value of each of its fields, by name."""
        row = self._fields(cells)
        return {"text": self._text(row)} if self._is_whole else row

    def _fields(self, cells: Sequence[Any]) -> dict[str, Any]:
        return {
            name: _shown(cells[index]) if index < len(cells) else None
            for name, index in self.names.items()
        }

    def _text(self, row: dict[str, Any]) -> str:
        return self._convert(self._filled.fill(row))

    def problem(self, cells: Sequence[Any]) -> str | None:
        """Return the reason why a row's text cannot be sent; None if it can."""
        row = self._fields(cells)
        for name, index in self.names.items():
            if values.is_missing(row[name]):
                return f"{self._headings[index]} is blank, but the message needs it"
        try:
            checks.content(self._text(row))
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
