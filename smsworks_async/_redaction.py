"""What may be said aloud: nothing here lets a token, a text or a whole phone number through."""

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
# What stands before the host of an address: a proxy's user and password.
_USER: Final = re.compile(r"(?<=://)[^\s/@]+@")
_GAP: Final = r"[\s().,/_\u2010-\u2015-]{0,3}"
# Seven digits or more, however they are set apart: ids of messages are masked along with numbers.
_NUMBER: Final = re.compile(rf"\+?\d(?:{_GAP}\d){{6,}}")
# A passcode may have four digits, and one that the API generated is known to nobody here.
_PASSCODE: Final = re.compile(rf"\d(?:{_GAP}\d){{3,}}")
_NO_WORD: Final = re.compile(r"[\W_]+")
_LONGEST: Final = 300
#: How many letters and digits in a row a secret and somebody else's words may not share.
SHARED: Final = 5


class Cause(Exception):
    """What led to an error of ours, in words that are fit to be shown.

    It stands for an exception of another package, or of the caller's own code, which may hold
    headers with the token, the answer's text or a proxy's password, as may the frames of its
    traceback.
    """


def redact(words: str, secrets: Iterable[str] = (), *, passcodes: bool = False) -> str:
    """Make somebody else's words fit for an error: tokens, numbers and `secrets` left out.

    Args:
        words: what was said. Escapes of HTML and of addresses are resolved first.
        secrets: what must not be repeated: as it is, cut short, in another case, or written with
            other signs, blanks or accents.
        passcodes: whether four digits in a row may be a passcode.
    """
    from html import unescape  # when something has failed, and not before

    words = unescape(unescape(unquote(words[: 2 * _LONGEST])))
    words = _TOKEN.sub("…", _USER.sub("…@", words))
    words = _without(words, [secret for secret in secrets if secret])
    words = _NUMBER.sub(lambda match: phone.mask(match[0]), words)
    if passcodes:
        words = _PASSCODE.sub("…", words)
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "…"


def _folded(words: str) -> str:
    """Return the letters and digits alone, without case, accents or width."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKD", words.casefold()).casefold())


def _without(words: str, secrets: list[str]) -> str:
    """Put an ellipsis for all that the words share with a secret."""
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
    # What is shorter is hidden where it stands by itself: it is a part of too many words.
    for secret in (one for one in folded if one and len(one) < SHARED):
        begin = said.find(secret)
        while begin >= 0:
            end = begin + len(secret)
            if _stands_alone(words, letters[begin][1], letters[end - 1][1]):
                hide(begin, end)
            begin = said.find(secret, begin + 1)
    for secret in (one for one in secrets if not _folded(one)):  # signs alone, such as emoji
        for match in re.finditer(re.escape(secret), words):
            hidden[match.start() : match.end()] = b"\1" * len(secret)
    return _with_ellipses(words, hidden)


def _stands_alone(words: str, first: int, last: int) -> bool:
    return not (words[first - 1 : first].isalnum() or words[last + 1 : last + 2].isalnum())


def _with_ellipses(words: str, hidden: bytearray) -> str:
    shown = (one if not hide else "\0" for one, hide in zip(words, hidden, strict=True))
    return re.sub("\0+", "…", "".join(shown))


def where(error: BaseException) -> str:
    """Return where an exception of the caller's own code was raised, or an empty string."""
    frames = error.__traceback__
    if frames is None or frames.tb_next is None:
        return ""
    while frames.tb_next is not None:
        frames = frames.tb_next
    return f" ({Path(frames.tb_frame.f_code.co_filename).name}:{frames.tb_lineno})"


def cause(error: BaseException, secrets: Iterable[str] = (), *, passcodes: bool = False) -> Cause:
    """Return what to chain in place of an exception: its type, its words redacted, and no more."""
    words = redact(str(error), secrets, passcodes=passcodes)
    name = type(error).__name__
    return Cause(f"{name}: {words}" if words else name)


def shown(
    error: SMSWorksError,
    secrets: Callable[[], Iterable[str]] = tuple,
    *,
    passcodes: bool = False,
) -> SMSWorksError:
    """Return an error of ours that is about to reach the caller, fit to be shown, with its causes.

    Frames of this package below the caller's call hold the token and the request, so that
    tracebacks begin anew; and the context repeats what led here, unredacted. (Where the caller is
    handling an exception, Python makes that one the context again.)
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
