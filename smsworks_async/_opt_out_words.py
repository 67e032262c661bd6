"""Classification of replies: opt out, opt in again, or help."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


if TYPE_CHECKING:
    from smsworks_async.models.posted import IncomingMessage


#: The kinds of request that a text can make.
Request: TypeAlias = Literal["out", "in", "help"]


def _plain(text: str) -> str:
    """Return a text normalised for comparison with keywords."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    shown = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    inner = re.sub(r"^[\W_]+|[\W_]+$", "", shown)
    return re.sub(r"\s+", " ", inner)


def _words(given: Any) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ValidationError("keywords must be lists of words", field="keywords")
    words = tuple(values.text(word, "keywords").strip() for word in given)
    if not all(map(_plain, words)):
        raise ValidationError("keywords must contain letters or digits", field="keywords")
    return words


@cache
def _by_plain(words: tuple[str, ...]) -> Mapping[str, str]:
    return {_plain(word): word for word in words}


@attrs.frozen(kw_only=True)
class Keywords:
    """The keywords that opt out or in. Case and surrounding punctuation are ignored.

    CANCEL and END may also be replies about a booking; if so, remove them from `out`.

    Attributes:
        out: a text that equals one of these opts out.
        begins: a text that begins with one of these words opts out.
        opt_in: a text that equals one of these opts in again.
        help: a text that equals one of these asks for help, and changes nothing.
    """

    out: tuple[str, ...] = attrs.field(
        default=(
            *("STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE"),
            *("OPTOUT", "OPT-OUT", "OPT OUT", "REMOVE", "ARRET"),
        ),
        converter=_words,
    )
    begins: tuple[str, ...] = attrs.field(default=("STOP",), converter=_words)
    opt_in: tuple[str, ...] = attrs.field(default=("START", "UNSTOP"), converter=_words)
    help: tuple[str, ...] = attrs.field(default=("HELP", "INFO"), converter=_words)

    def match(self, text: str) -> tuple[Request, str] | None:
        """Return the request in a text and the keyword that matched; None if there is none."""
        plain = _plain(text)
        if word := _by_plain(self.out).get(plain) or self._beginning(plain):
            return "out", word
        if word := _by_plain(self.opt_in).get(plain):
            return "in", word
        if word := _by_plain(self.help).get(plain):
            return "help", word
        return None

    def _beginning(self, plain: str) -> str | None:
        for start, word in _by_plain(self.begins).items():
            if re.match(re.escape(start) + r"(?!\w)", plain):
                return word
        return None


DEFAULT_KEYWORDS: Final = Keywords()


def classify(text: str, *, keywords: Keywords = DEFAULT_KEYWORDS) -> Request | None:
    """Return the request in a text: ``"out"``, ``"in"`` or ``"help"``; None for any other text.

    Args:
        text: the text of an incoming message.
        keywords: the words to look for; `Keywords` has the defaults.

    Raises:
        ValidationError: `text` is not a string.

    >>> classify(" Stop! "), classify("Stop texting me"), classify("Don't stop"), classify("start")
    ('out', 'out', None, 'in')
    """
    plain = values.as_text(text)
    if plain is None:
        raise ValidationError("text must be a string", field="text")
    found = keywords.match(plain)
    return None if found is None else found[0]


def _after_keyword(text: str, keyword: str | None) -> str:
    """Return a text without the shared number's keyword at its beginning."""
    start = re.escape(_plain(keyword or ""))
    return re.sub(rf"^{start}(?!\w)", "", _plain(text)) if start else text


def request_in(message: IncomingMessage, keywords: Keywords) -> tuple[Request, str] | None:
    """Return the request in an incoming message. STOP counts even if it is the number's keyword."""
    rest = keywords.match(_after_keyword(message.content, message.keyword))
    if rest is not None and rest[0] == "out":
        return rest
    whole = keywords.match(message.content)
    return whole if whole is not None and whole[0] == "out" else rest or whole
