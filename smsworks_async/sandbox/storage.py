"""How the provider keeps texts, and what it shows of them, and when.

None of this is documented by the provider, and all of it may be: a client that looks for what it
sent must not take what it does not find, or finds changed, for something that was never accepted.
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


#: The changes that a text may meet when it is stored, by name.
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
    r"""How the provider keeps texts, and what it shows of its records. The JSON form is an object.

    Attributes:
        rewrite: how a text is changed when it is stored, in the order given: `"trim"` takes outer
            blanks away, `"newlines"` makes `\r\n` one `\n`, `"typography"` makes curly quotes,
            dashes, the ellipsis and the non-breaking space plain, `"links"` shortens links,
            `"nfc"` composes accents. What is priced is the text as it was sent.
        search_lag: seconds before a message shows up in searches, and in the list of what is
            scheduled.
        record_lag: seconds before `GET /messages/{id}` and `GET /batch/{id}` find a message.
        show_batch_ids: whether records name their batch.
        show_dates: whether records have `created`, `modified` and `schedule`.
        show_metadata: whether records have their metadata. The provider's do not.
        filter_metadata: whether searches filter by metadata; otherwise that filter is passed over.
        clock_skew: seconds by which the dates of the provider's own making are ahead of the
            sandbox's clock, or behind when negative: those shown in records and reports, and
            those by which searches go. A date that a caller asked for is shown as it came.

    Seconds are those of the sandbox's clock. Reports are made of the stored text, but show batch
    ids and dates always.

    Raises:
        ValueError: a value that is not one of these.
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
        """Return a text as it is kept."""
        for name in self.rewrite:
            text = REWRITES[name](text)
        return text


def change(storage: Storage, changes: dict[str, Any]) -> Storage:
    """Return the settings with some of them changed.

    Raises:
        ValueError: a name that is no setting, or a value that it cannot have.
    """
    try:
        return attrs.evolve(storage, **changes)
    except TypeError as error:
        raise ValueError(f"Not a setting: {error}") from error
