"""Texts with fields in braces, filled from rows: names alone, no access to what is behind them."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from smsworks_async.errors import ValidationError
from smsworks_async.models import checks


class Template:
    """A text such as ``"Hi {first_name}"``; ``{{`` and ``}}`` stand for braces.

    Args:
        source: the text. A field is a name: no attributes, indices, conversions or formats, so that
            a template from elsewhere can show nothing but the row's own values.

    Raises:
        ValidationError: it is no such text; the field is ``template``.
    """

    def __init__(self, source: str) -> None:
        checks.text(source, "template")
        try:
            parts = list(string.Formatter().parse(source))
        except ValueError as error:
            raise ValidationError(
                f"template: {error}; write {{{{ and }}}} for braces", field="template"
            ) from error
        self._source = source
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
            ValidationError: the row lacks a field, or has nothing but blanks there, or is none.
        """
        if not isinstance(row, Mapping):
            raise ValidationError(
                f"a row must be a mapping of the template's fields, not {type(row).__name__}",
                field="row",
            )
        values = {field: str(row[field]) for field in self._fields if row.get(field) is not None}
        for field in self._fields:
            if not values.get(field, "").strip():
                raise ValidationError(
                    f"the row has no {field}, which the template asks for{_hint(row)}", field=field
                )
        return self._source.format_map(values)


def _hint(row: Mapping[str, Any]) -> str:
    if any(str(key).startswith("\ufeff") for key in row):
        return '; the file begins with a byte order mark: open it with encoding="utf-8-sig"'
    return ""
