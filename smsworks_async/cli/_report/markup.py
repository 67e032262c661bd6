"""Build HTML and SVG in which all text is escaped, since only `tag` makes elements."""

from __future__ import annotations

from html import escape as _escape
from typing import Final


# Characters that HTML does not allow, even as character references.
_FORBIDDEN: Final = dict.fromkeys((*range(9), 11, *range(14, 32), *range(127, 160)), "�")
# Directional marks, which could reorder the text around a campaign's name.
_DIRECTION: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
_REPLACED: Final = {**_FORBIDDEN, 12: " ", **_DIRECTION}
_EMPTY: Final = frozenset({"meta", "line", "rect", "path", "circle", "br"})


class Markup(str):
    """A fragment of HTML with its text escaped."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """Return a value as escaped text; return `Markup` unchanged."""
    if isinstance(value, Markup):
        return value
    text = str(value).translate(_REPLACED).encode("utf-8", "replace").decode()
    return Markup(_escape(text))


def join(parts: object) -> Markup:
    """Return the parts of an iterable, escaped and concatenated."""
    return Markup("".join(map(escape, parts)))  # type: ignore[call-overload]


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: the element's name, such as ``"td"``.
        children: its contents; all but `Markup` is escaped.
        attributes: its attributes: ``class_`` stands for ``class``, and ``stroke_width`` for
            ``stroke-width``. Attributes with the value None are left out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def _attribute(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else escape(value)
