"""HTML and SVG whose text is escaped by construction: only `tag` makes elements."""

from __future__ import annotations

from html import escape as _escape
from typing import Final


# What HTML does not allow as a character, whatever it is written as.
_FORBIDDEN: Final = dict.fromkeys((*range(9), 11, *range(14, 32), *range(127, 160)), "�")
# Marks that reverse what stands around them: a name must not rearrange the page.
_DIRECTION: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
_REPLACED: Final = {**_FORBIDDEN, 12: " ", **_DIRECTION}
_EMPTY: Final = frozenset({"meta", "line", "rect", "path", "circle", "br"})


class Markup(str):
    """A piece of a page, with its text escaped."""

    __slots__ = ()


def escape(value: object) -> Markup:
    """Return a value as text of a page; what is `Markup` already stays as it is."""
    if isinstance(value, Markup):
        return value
    text = str(value).translate(_REPLACED).encode("utf-8", "replace").decode()
    return Markup(_escape(text))


def join(parts: object) -> Markup:
    """Return the parts of an iterable, one after the other."""
    return Markup("".join(map(escape, parts)))  # type: ignore[call-overload]


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: its name, such as ``"td"``.
        children: what it holds; all but `Markup` is escaped.
        attributes: its attributes: ``class_`` is ``class``, and ``stroke_width`` is
            ``stroke-width``. One that is None is left out.
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
