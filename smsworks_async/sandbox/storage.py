"""How the provider stores texts, and what its records show and when.

The provider documents none of this, but any of it is possible. A client that searches for a message
must not conclude that it was never accepted because it is not found, or is found changed.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import attrs


if TYPE_CHECKING:
    from collections.abc import Callable


_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_TYPOGRAPHY = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
        "\u00a0": " ",
    }
)


def _shorten(link: re.Match[str]) -> str:
    return f"https://s.example/{hashlib.sha256(link[0].encode('utf-8', 'replace')).hexdigest()[:7]}"


#: The changes of a text when it is stored, by name.
REWRITES: dict[str, Callable[[str], str]] = {
    "links": lambda text: _LINK.sub(_shorten, text),
    "newlines": lambda text: text.replace("\r\n", "\n").replace("\r", "\n"),
    "nfc": lambda text: unicodedata.normalize("NFC", text),
    "trim": str.strip,
    "typography": lambda text: text.translate(_TYPOGRAPHY),
}


def _check_seconds(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be a finite number of seconds, not {value!r}")
    if attribute.name != "clock_skew" and value < 0:
        raise ValueError(f"{attribute.name} must be 0 or more seconds, not {value!r}")


def _check_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not bool:
        raise ValueError(f"{attribute.name} must be true or false, not {value!r}")


def _check_rewrites(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not all(isinstance(name, str) and name in REWRITES for name in value):
        raise ValueError(f"{attribute.name} must be some of {', '.join(REWRITES)}, not {value!r}")


def _names(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


@attrs.frozen(kw_only=True)
class Storage:
    r"""How the provider stores texts, and what its records show. The JSON form is an object.

    Attributes:
        rewrite: the changes of a text when it is stored, in this order: `"trim"` removes outer
            white space, `"newlines"` replaces `\r\n` by `\n`, `"typography"` replaces curly quotes,
            dashes, ellipses and non-breaking spaces by plain characters, `"links"` shortens links,
            `"nfc"` composes accents. Prices are those of the original text.
        search_lag: the delay until searches and the list of scheduled messages show a message, in
            seconds (default 0).
        record_lag: the delay until `GET /messages/{id}` and `GET /batch/{id}` show a message, in
            seconds (default 0).
        show_batch_ids: include the batch id in records (default True).
        show_dates: include `created`, `modified` and `schedule` in records (default True).
        show_metadata: include the metadata in records (default False, like the provider's).
        filter_metadata: let searches filter by metadata (default True); otherwise that filter is
            ignored.
        clock_skew: how far the provider's clock is ahead of the sandbox's, in seconds; negative if
            it is behind (default 0). It applies to dates in records and reports, and to those of
            searches, but not to times that a caller asked for.

    Seconds are measured by the sandbox's clock. Reports have the stored text, and always have batch
    ids and dates.

    Raises:
        ValueError: a value is invalid.
    """

    rewrite: tuple[str, ...] = attrs.field(default=(), converter=_names, validator=_check_rewrites)
    search_lag: float = attrs.field(default=0.0, validator=_check_seconds)
    record_lag: float = attrs.field(default=0.0, validator=_check_seconds)
    show_batch_ids: bool = attrs.field(default=True, validator=_check_flag)
    show_dates: bool = attrs.field(default=True, validator=_check_flag)
    show_metadata: bool = attrs.field(default=False, validator=_check_flag)
    filter_metadata: bool = attrs.field(default=True, validator=_check_flag)
    clock_skew: float = attrs.field(default=0.0, validator=_check_seconds)

    def stored(self, text: str) -> str:
        """Return a text with the changes of `rewrite`."""
        for name in self.rewrite:
            text = REWRITES[name](text)
        return text


def change(storage: Storage, changes: dict[str, Any]) -> Storage:
    """Return the settings with some of them changed.

    Raises:
        ValueError: a name or a value is invalid.
    """
    known = list(attrs.fields_dict(Storage))
    for name in changes:
        if name not in known:
            raise ValueError(f"{name} is not a setting; the settings are {', '.join(known)}")
    return attrs.evolve(storage, **changes)
