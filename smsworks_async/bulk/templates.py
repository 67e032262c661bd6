"""Texts with fields in braces, filled from rows. Fields are only names."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any, Final

from smsworks_async.errors import ValidationError
from smsworks_async.models import values
from smsworks_async.models.checks import may_be_named


_NAME_IN_BRACES: Final = re.compile(r"\{\s*[^\W\d]\w*\s*\}")


def names_in_braces(content: str) -> int:
    """Return the number of names in braces, as in ``"Hi {first_name}"``, of a plain text."""
    return len(_NAME_IN_BRACES.findall(content))


class Template:
    """A text such as ``"Hi {first_name}"``; ``{{`` and ``}}`` stand for braces.

    Args:
        source: the text. A field is a name without attributes, indices, conversions or formats, so
            that an untrusted template can only show values of the row.

    Raises:
        ValidationError: it is not such a text; the field is ``template``.
    """

    def __init__(self, source: str) -> None:
        #: The text as a plain string: a `markupsafe.Markup` would escape the row's values.
        self.source = source = values.text(source, "template")
        if not source.strip():
            raise ValidationError("template is empty", field="template")
        problem, parts = "", []
        try:
            parts = list(string.Formatter().parse(source))
        except ValueError as error:  # its frames contain the text
            problem = str(error)
        if problem:
            raise ValidationError(
                f"template: {problem}; write {{{{ and }}}} for braces", field="template"
            )
        self._fields: dict[str, None] = {}
        for _, field, form, conversion in parts:
            if field is None:
                continue
            if not field.isidentifier() or form or conversion:
                raise ValidationError(
                    "template: a field is a name in braces, such as {first_name}, with nothing "
                    "else between them",
                    field="template",
                )
            self._fields[field] = None

    def fill(self, row: Mapping[str, Any]) -> str:
        """Fill the template from a row.

        Raises:
            ValidationError: the row lacks a field, or the value is missing (None, a blank, NaN,
                NaT, ``pandas.NA``) or not suitable for a text.
        """
        filled: dict[str, str] = {}
        for field in self._fields:
            value = row.get(field)
            if values.is_missing(value):
                raise ValidationError(
                    f"the row has no {_named(field)}, which the template needs{_hint(row)}",
                    field=_named(field),
                )
            words = value if type(value) is str else values.for_a_text(value)
            if words is None:
                raise ValidationError(
                    f"the row's {_named(field)} is of type {type(value).__name__}, which is not "
                    "suitable for a text; pass text, a number, a date or a time",
                    field=_named(field),
                )
            filled[field] = words
        return self.source.format_map(filled)


def _named(field: str) -> str:
    return field if may_be_named(field) else "<a field with digits>"


def _hint(row: Mapping[str, Any]) -> str:
    if any(str(key).startswith("\ufeff") for key in row):
        return '; the file begins with a byte order mark: open it with encoding="utf-8-sig"'
    return ""
