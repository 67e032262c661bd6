"""GSM 03.38: the encoding of a text, its segments, and their cost in credits.

The alphabet and its extension follow 3GPP TS 23.038 (sections 6.2.1 and 6.2.1.1), segment sizes
3GPP TS 23.040 (140 octets, less six for the header of a concatenated part), and credits The SMS
Works.
"""
# This module needs look-alike characters.
# ruff: noqa: RUF001, RUF002

from __future__ import annotations

import enum
import re
import unicodedata

import attrs

from smsworks_async.errors import ValidationError


__all__ = ["Encoding", "Offender", "TextMeasure", "measure", "to_gsm", "utf16_units"]


class Encoding(enum.StrEnum):
    """The encoding of a text: septets of the GSM alphabet, or UTF-16."""

    GSM = "GSM"
    UNICODE = "Unicode"


@attrs.frozen
class Offender:
    """A character that is not in the GSM alphabet.

    Attributes:
        character: the character.
        position: its index in the content, so that ``content[position] == character``.
    """

    character: str
    position: int


@attrs.frozen
class TextMeasure:
    """The size of a text when sent.

    Attributes:
        encoding: GSM, or Unicode if there is an offender.
        units: septets in GSM, UTF-16 code units in Unicode.
        segments: the number of parts, which the recipient's phone joins; 0 for an empty text.
        credits: an estimate for one UK recipient, see :func:`measure`.
        offenders: all characters that require Unicode, in order; empty for GSM.
    """

    encoding: Encoding
    units: int
    segments: int
    credits: float
    offenders: tuple[Offender, ...]


# The default alphabet in the standard's order, 0x00 to 0x7F, without 0x1B, the escape to the
# extension table. 0x09 is the capital Ç. (The Unicode Consortium's
# GSM0338.TXT has the small ç there; phones and ICU follow the standard.)
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"

_NOT_GSM = re.compile(f"[^{re.escape(_BASIC + _EXTENSION)}]")
_ALL_BASIC = re.compile(f"[{re.escape(_BASIC)}]*")
# The characters of two units, and the placeholder for the first unit of each. No content can
# contain the placeholder: see `utf16_units`.
_GSM_PAIR = re.compile(f"[{re.escape(_EXTENSION)}]")
_UTF16_PAIR = re.compile("[\U00010000-\U0010ffff]")
_LEAD = "\ud800"


def measure(content: str) -> TextMeasure:
    r"""Return the encoding, segments and estimated credits of a text.

    Credits are an estimate for one UK recipient. Messages to other countries typically cost double;
    the ``credits_used`` of a sent message is authoritative. In GSM each segment counts one credit:
    the provider charges one credit up to 160 septets, and longer texts per 153 septets. If unsplit
    pairs need one more segment than that, the estimate is the higher figure. In Unicode the
    provider charges
    per 70 UTF-16 units although concatenated segments hold 67, so 1280 units are 20 segments
    and 19 credits.

    Raises:
        ValidationError: the content is not a string, or contains half of a surrogate pair.

    >>> measure("Hello").segments
    1
    >>> measure("a" * 152 + "€" + "a" * 152).segments  # the pair of € is never split
    3
    >>> measure("Don’t").offenders
    (Offender(character='’', position=3),)
    """
    encoding, offenders, units = _encode(content)
    if encoding is Encoding.UNICODE:
        segments = len(_starts(units, single=70, part=67))
        credits = -(-len(units) // 70)
    else:
        credits = segments = len(_starts(units, single=160, part=153))
    return TextMeasure(encoding, len(units), segments, float(credits), offenders)


def split(content: str) -> list[str]:
    """Return the parts of a text, one for each segment; none for an empty text.

    GSM escape pairs and UTF-16 surrogate pairs are never split.

    Raises:
        ValidationError: the content is not a string, or contains half of a surrogate pair.

    >>> [len(part) for part in split("a" * 152 + "€" + "a" * 152)]
    [152, 152, 1]
    """
    encoding, _, units = _encode(content)
    if encoding is Encoding.UNICODE:
        starts = _starts(units, single=70, part=67)
    else:
        starts = _starts(units, single=160, part=153)
    parts = [units[start:end] for start, end in zip(starts, [*starts[1:], None], strict=False)]
    return [part.replace(_LEAD, "") for part in parts]


def _encode(content: str) -> tuple[Encoding, tuple[Offender, ...], str]:
    """Return a text's encoding, its offenders, and the text with `_LEAD` before each pair."""
    utf16_units(content)  # raises for invalid content
    if _ALL_BASIC.fullmatch(content):  # true of most texts
        return Encoding.GSM, (), content
    offenders = tuple(Offender(match[0], match.start()) for match in _NOT_GSM.finditer(content))
    pair = _UTF16_PAIR if offenders else _GSM_PAIR
    encoding = Encoding.UNICODE if offenders else Encoding.GSM
    return encoding, offenders, pair.sub(rf"{_LEAD}\g<0>", content)


def utf16_units(content: str) -> int:
    """Return the number of UTF-16 code units, the unit of the API's limit of 1280.

    Raises:
        ValidationError: the content is not a string, or contains half of a surrogate pair.

    >>> utf16_units("Hello"), utf16_units("😀")
    (5, 2)
    """
    if not isinstance(content, str):
        kind = type(content).__name__
        raise ValidationError(f"content must be a str, not {kind}", field="content")
    if content.isascii():
        return len(content)
    try:
        return len(content.encode("utf-16-le")) // 2
    except UnicodeEncodeError as error:
        position = error.start
    # Raised outside the handler, since the codec's error holds the whole text.
    raise ValidationError(
        f"content contains half of a surrogate pair at position {position}, which cannot be sent; "
        'repair it with content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")',
        field="content",
    )


def _starts(units: str, *, single: int, part: int) -> list[int]:
    """Return the index at which each part starts; each character of `units` is one unit."""
    if len(units) <= single:
        return [0] if units else []
    starts = [0]
    while starts[-1] + part < len(units):
        last = starts[-1] + part - 1
        starts.append(last if units[last] == _LEAD else last + 1)
    return starts


# Invisible: control characters, the soft hyphen, zero-width spaces, the byte order mark,
# marks of writing direction. (0x1F is Word's optional hyphen.)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1d\x1f\x7f\u00ad\u061c\u180e\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]+"
)
_LINE_END = re.compile("\r\n?|[\x0b\x85\u2028\u2029]")  # 0x0B is Word's line break
# Accents, joiners and emoji selectors belong to the character before them. They are removed after a
# character of the GSM alphabet, and kept after an emoji or a letter of another script.
_STRAY_MARK = re.compile(
    f"(?<![^{re.escape(_BASIC + _EXTENSION)}])[\u0300-\u036f\u200c\u200d\u20e3\ufe00-\ufe0f]+"
)

# Replacements beyond Unicode's compatibility forms (NFKD), by the replacement.
_REPLACEMENTS = {
    character: replacement
    for replacement, characters in {
        "'": "‘’‚‛′‵‹›❛❜ʹʻʼʽˈ´`",
        '"': "“”„‟″‶«»❝❞〝〞ʺ˝",
        "-": "‐‑‒–—―−⁃•‣◦∙●○■□▪▫\x1e",  # 0x1E is Word's non-breaking hyphen
        ".": "·",  # as in £3·50
        ",": "،、",
        " ": "\t\u1680",
        "/": "⁄∕÷",
        "*": "∗★☆",
        "~": "∼≈〜",
        "->": "→",
        "<-": "←",
        "<->": "↔",
        "=>": "⇒",
        "<=": "≤",
        ">=": "≥",
        "+/-": "±",
        "x": "×",
        "u": "µμ",
        "(C)": "©",
        "(R)": "®",
        "oe": "œ",
        "OE": "Œ",
        "SS": "ẞ",
        "d": "đð",
        "D": "ĐÐ",
        "h": "ħ",
        "H": "Ħ",
        "i": "ı",
        "l": "ł",
        "L": "Ł",
        "t": "ŧ",
        "T": "Ŧ",
        "th": "þ",
        "Th": "Þ",
    }.items()
    for character in characters
}


def to_gsm(content: str) -> str:
    r"""Replace typographic characters by equivalents in the GSM alphabet.

    Quotes, dashes, ellipses, bullets, unusual spaces, ligatures, fractions, full-width forms and
    similar become their plain equivalents; line ends become a line feed; invisible characters are
    removed. Characters of the GSM alphabet are kept, including accented ones; other accents are
    dropped: é stays é, â becomes a. Characters without a reasonable equivalent (emoji, other
    scripts, °) are kept, and :func:`measure` still reports them. The function is idempotent.

    A text that becomes GSM takes no more segments than before, unless it consists mostly of
    characters with replacements of three or more, such as … or ½. A text that keeps an offender
    stays Unicode, where a replacement by several characters may add a segment.

    Raises:
        ValidationError: the content is not a string, or contains half of a surrogate pair.

    >>> to_gsm("“Café” – don’t be late…")
    '"Café" - don\'t be late...'
    """
    utf16_units(content)  # raises for invalid content
    if "\r" not in content and not _NOT_GSM.search(content):
        return content
    content = _LINE_END.sub("\n", _INVISIBLE.sub("", content))
    # Compose first, so that an e with a combining accent becomes the é of the GSM alphabet.
    content = _NOT_GSM.sub(_nearest, unicodedata.normalize("NFC", content))
    return _STRAY_MARK.sub("", content)


def _nearest(match: re.Match[str]) -> str:
    """Return the GSM equivalent of a character, or the character itself."""
    character = match[0]
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character]
    parts = unicodedata.normalize("NFKD", character)
    if parts[0].isalpha():  # the stroke of ≠ is not an accent
        parts = "".join(part for part in parts if not unicodedata.combining(part))
    plain = "".join(_REPLACEMENTS.get(part, part) for part in parts)
    if _NOT_GSM.search(plain):
        return character
    before = match.string[match.start() - 1 : match.start()]
    if before.isdecimal() and unicodedata.category(character) == "No":
        # 1½ is not 11/2, and 10² is not 102.
        superscript = unicodedata.decomposition(character).startswith("<super>")
        return ("^" if superscript else " ") + plain
    return plain
