"""How people write numbers: reduced to digits, whatever stands between them, and judged nowhere."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, NoReturn

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


_INVALID_DESTINATION: Final = 4004
_MISSING: Final = "is missing; give a number as text, such as '07700 900123'"
# Longer than any number that people write, so that what is checked is always short.
_LONGEST: Final = 64
# E.164 allows 15 digits, country code included; no number to text is shorter than 7.
FEWEST_DIGITS, MOST_DIGITS = 7, 15

# What people put between digits, and what comes along when a number is copied from a web page, a
# phone's contacts (marks of writing direction) or a spreadsheet (an apostrophe to keep it text).
# Brackets and dots go later, since "(0)" and ".0" mean something.
_SEPARATORS = str.maketrans(
    dict.fromkeys(
        " \t\n\r\f\v\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u202f\u205f\u3000-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
        "/\u2044\u2215\uff0f'\u2018\u2019\u061c\u200b\u200c\u200d\u200e\u200f"
        "\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
    )
    | {"[": "(", "]": ")", "\uff08": "(", "\uff09": ")", "\uff0b": "+"}
    | {"\u00b7": ".", "\u2024": ".", "\u2027": ".", "\uff0e": "."}
    # What stays is listed because `translate` is slow for what its table lacks.
    | {character: character for character in "0123456789+()."}
)
# A float that a spreadsheet wrote. Nobody sets the last 0 of a number apart with its only dot.
_WHOLE_FLOAT: Final = re.compile("([0-9]+)[.]0")
_SCIENTIFIC: Final = re.compile("['\u2018\u2019]?([0-9]+)(?:[.,]([0-9]+))?[Ee][+]?([0-9]{1,2})")


def mask(number: str) -> str:
    """Show the last three digits of a number and nothing else, for logs and errors.

    What has fewer than seven digits is too short to hide in, and shows none of them.

    >>> mask("+44 7700 900123")
    '…123'
    """
    digits = re.findall(r"\d", number[-_LONGEST:])
    return "…" + "".join(digits[-3:]) if len(digits) >= FEWEST_DIGITS else "…"


def reduce_number(number: Any) -> str:
    """Return a number without separators, its digits in ASCII."""
    plain: str | None = number if type(number) is str else values.as_text(number)
    if plain is None:
        plain = _digits_of_number(number)
    if plain.isdecimal() and plain.isascii():
        return plain
    if not plain.strip():
        refuse_value(_MISSING)
    return _without_separators(plain)


def refusal(number: str, problem: str) -> ValidationError:
    return ValidationError(
        f"destination {mask(number)}: {problem}", field="destination", code=_INVALID_DESTINATION
    )


def refuse_value(problem: str) -> NoReturn:
    """Refuse a value that has no digits to point to; the problem goes on after the field's name."""
    raise ValidationError(f"destination {problem}", field="destination", code=_INVALID_DESTINATION)


def refuse(number: str, problem: str) -> NoReturn:
    raise refusal(number, problem)


def _digits_of_number(number: Any) -> str:
    """Return the digits of an integer, or of a float that has none behind its point."""
    whole = values.as_integer(number)
    if whole is None:
        if values.as_number(number) is not None:
            refuse_value("as a number must have all its digits; format it as text")
        if values.is_missing(number):
            refuse_value(_MISSING)
        kind = type(number).__name__
        refuse_value(f"must be a str or an int, not {kind}; format numbers as text")
    if not 0 < whole < 10**MOST_DIGITS:
        refuse_value(f"must be positive where it is an int, with at most {MOST_DIGITS} digits")
    return str(whole)


def _without_separators(number: str) -> str:
    """Reduce a number to what it would be without separators, its digits in ASCII."""
    if len(number) > _LONGEST:
        refuse(number, "it is too long for a number; give one number at a time")
    number = number.replace(" ", "")  # often the only separator, and quicker than the table
    if number.isascii() and number.removeprefix("+").isdecimal():
        return number
    if "e" in number or "E" in number:
        number = _without_exponent(number.strip())
    number = number.translate(_SEPARATORS)
    if not number.isascii():
        number = "".join(str(unicodedata.decimal(character, character)) for character in number)
    before, trunk_zero, after = number.partition("(0)")
    if trunk_zero and before.strip("(+)"):  # not dialled after a country code: +33 (0)1 23
        number = before + after
    number = number.replace("(", "").replace(")", "")
    whole_float = _WHOLE_FLOAT.fullmatch(number)
    return whole_float[1] if whole_float else number.replace(".", "")


def _without_exponent(number: str) -> str:
    """Write a spreadsheet's scientific notation out, where it has kept all digits."""
    scientific = _SCIENTIFIC.fullmatch(number)
    if scientific is None:
        return number
    whole, fraction, exponent = scientific[1], scientific[2] or "", int(scientific[3])
    if len(fraction.rstrip("0")) <= exponent <= len(fraction):
        return whole + fraction[:exponent]
    refuse(
        number,
        "a spreadsheet has turned it into scientific notation, which has lost digits; "
        "format the column as text and export it again",
    )


def refuse_strangers(number: str) -> None:
    """Refuse what is left of a number without separators if it has more than digits and a +."""
    strangers = re.sub("^[+]|[0-9]+", "", number)
    if any(map(str.isalpha, strangers)):
        refuse(number, "it has letters in it; give digits alone, or remove it")
    if strangers:
        refuse(number, f"{strangers[0]!a} does not belong in it; give one number, in digits alone")
