"""Redaction of tokens, message texts and phone numbers in errors and logs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from smsworks_async import phone
from smsworks_async.errors import SMSWorksError


_TOKEN: Final = re.compile(r"(?:JWT\s+)?eyJ[\w.+/=-]*|(?:JWT|Bearer|Basic)\s+\S+", re.IGNORECASE)
# The user and password in an address, such as a proxy's.
_USER: Final = re.compile(r"(?<=://)[^\s/@]+@")
_GAP: Final = r"[\s().,/_\u2010-\u2015-]{0,3}"
# Seven or more digits, with any separators. Message ids are masked too.
_NUMBER: Final = re.compile(rf"\+?\d(?:{_GAP}\d){{6,}}")
# A passcode can have four digits, and one that the API generated is not known here.
_PASSCODE: Final = re.compile(rf"\d(?:{_GAP}\d){{3,}}")
_NO_WORD: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 300
#: The longest run of letters and digits of a secret that foreign text may contain, plus one.
SHARED: Final = 5


class Cause(Exception):
    """A redacted stand-in for the exception that caused one of this package's errors.

    The original, from another package or from the caller's code, may hold headers with the token,
    the response's text or a proxy's password, and so may the frames of its traceback.
    """


def redact(words: str, secrets: Iterable[str] = (), *, passcodes: bool = False) -> str:
    """Return foreign text without tokens, phone numbers and `secrets`, for use in an error.

    Args:
        words: the text. HTML and URL escapes are decoded first.
        secrets: strings to remove: whole or in part, in any case, and with any punctuation, blanks
            or accents.
        passcodes: whether four digits in a row may be a passcode, and are removed.
    """
    from html import unescape  # imported only after a failure

    words = unescape(unescape(unquote(words[: 2 * _LONGEST])))
    words = _TOKEN.sub("…", _USER.sub("…@", words))
    words = _without(words, [secret for secret in secrets if secret])
    words = _NUMBER.sub(lambda match: phone.mask(match[0]), words)
    if passcodes:
        words = _PASSCODE.sub("…", words)
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "…"


def _folded(words: str) -> str:
    """Return only the letters and digits, with case, accents and width folded."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKD", words.casefold()).casefold())


def _without(words: str, secrets: list[str]) -> str:
    """Replace every part of the text that it shares with a secret by an ellipsis."""
    if not secrets:
        return words
    letters = [(fold, place) for place, one in enumerate(words) for fold in _folded(one)]
    said = "".join(fold for fold, _ in letters)
    folded = {_folded(secret) for secret in secrets}
    known = "\0".join(folded)
    hidden = bytearray(len(words))

    def hide(begin: int, end: int) -> None:
        first, last = letters[begin][1], letters[end - 1][1]
        hidden[first : last + 1] = b"\1" * (last + 1 - first)

    for begin in range(len(said) - SHARED + 1):
        if said[begin : begin + SHARED] in known:
            hide(begin, begin + SHARED)
    # A short secret is a part of too many words, so it is hidden only as a word of its own.
    for secret in (one for one in folded if one and len(one) < SHARED):
        begin = said.find(secret)
        while begin >= 0:
            end = begin + len(secret)
            if _stands_alone(words, letters[begin][1], letters[end - 1][1]):
                hide(begin, end)
            begin = said.find(secret, begin + 1)
    for secret in (one for one in secrets if not _folded(one)):  # emoji, for example
        for match in re.finditer(re.escape(secret), words):
            hidden[match.start() : match.end()] = b"\1" * len(secret)
    return _with_ellipses(words, hidden)


def _stands_alone(words: str, first: int, last: int) -> bool:
    return not (words[first - 1 : first].isalnum() or words[last + 1 : last + 2].isalnum())


def _with_ellipses(words: str, hidden: bytearray) -> str:
    shown = (one if not hide else "\0" for one, hide in zip(words, hidden, strict=True))
    return re.sub("\0+", "…", "".join(shown))


def where(error: BaseException) -> str:
    """Return where in the caller's code an exception was raised, or an empty string."""
    frames = error.__traceback__
    if frames is None or frames.tb_next is None:
        return ""
    while frames.tb_next is not None:
        frames = frames.tb_next
    return f" ({Path(frames.tb_frame.f_code.co_filename).name}:{frames.tb_lineno})"


def cause(error: BaseException, secrets: Iterable[str] = (), *, passcodes: bool = False) -> Cause:
    """Return a stand-in to chain in place of an exception: its type and its redacted message."""
    words = redact(str(error), secrets, passcodes=passcodes)
    name = type(error).__name__
    return Cause(f"{name}: {words}" if words else name)


def shown(
    error: SMSWorksError,
    secrets: Callable[[], Iterable[str]] = tuple,
    *,
    passcodes: bool = False,
) -> SMSWorksError:
    """Return an error with its causes redacted, just before it reaches the caller.

    The traceback is reset, since frames of this package hold the token and the request. The context
    is removed, since it holds the unredacted original. (If the caller is handling an exception,
    Python sets that one as the context again.)
    """
    link: SMSWorksError = error
    while True:
        link.__traceback__ = link.__context__ = None
        because = link.__cause__
        if because is None or isinstance(because, Cause):
            return error
        if not isinstance(because, SMSWorksError):
            link.__cause__ = cause(because, secrets(), passcodes=passcodes)
            return error
        link = because
