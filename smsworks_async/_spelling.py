"""Reduction of written phone numbers to digits, without validating them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, NoReturn

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


_INVALID_DESTINATION: Final = 4004
_MISSING: Final = "is missing; pass a number as text, such as '07700 900123'"
# Longer than any written number; a bound on the work per number.
_LONGEST: Final = 64
# E.164 allows 15 digits, country code included; no number that receives texts has fewer than 7.
FEWEST_DIGITS, MOST_DIGITS = 7, 15

# Separators, and characters that are copied along from a web page, a phone's contacts (marks of
# writing direction) or a spreadsheet (an apostrophe that marks text). Brackets and dots are removed
# later, since "(0)" and ".0" have a meaning.
_SEPARATORS = str.maketrans(
    dict.fromkeys(
        " \t\n\r\f\v\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u202f\u205f\u3000-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
        "/\u2044\u2215\uff0f'\u2018\u2019\u061c\u200b\u200c\u200d\u200e\u200f"
        "\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
    )
    | {"[": "(", "]": ")", "\uff08": "(", "\uff09": ")", "\uff0b": "+"}
    | {"\u00b7": ".", "\u2024": ".", "\u2027": ".", "\uff0e": "."}
    # Kept characters are listed because `translate` is slow for characters not in its table.
    | {character: character for character in "0123456789+()."}
)
# A float from a spreadsheet. Nobody writes a number whose only dot comes before a last 0.
_WHOLE_FLOAT: Final = re.compile("([0-9]+)[.]0")
_SCIENTIFIC: Final = re.compile("['\u2018\u2019]?([0-9]+)(?:[.,]([0-9]+))?[Ee][+]?([0-9]{1,2})")


def mask(number: str) -> str:
    """Return the last three digits of a number after an ellipsis, for logs and errors.

    A number with fewer than seven digits is masked completely.

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
    """Raise a ValidationError for a value without digits; `problem` follows the field's name."""
    raise ValidationError(f"destination {problem}", field="destination", code=_INVALID_DESTINATION)


def refuse(number: str, problem: str) -> NoReturn:
    raise refusal(number, problem)


def _digits_of_number(number: Any) -> str:
    """Return the digits of an integer, or of a float without a fractional part."""
    whole = values.as_integer(number)
    if whole is None:
        if values.as_number(number) is not None:
            refuse_value("as a float must be whole and have all its digits; format it as text")
        if values.is_missing(number):
            refuse_value(_MISSING)
        kind = type(number).__name__
        refuse_value(f"must be a str or an int, not {kind}; format numbers as text")
    if not 0 < whole < 10**MOST_DIGITS:
        refuse_value(f"must be positive if it is an int, with at most {MOST_DIGITS} digits")
    return str(whole)


def _without_separators(number: str) -> str:
    """Return a number without separators, with its digits in ASCII."""
    if len(number) > _LONGEST:
        refuse(number, "it is too long for a number; pass one number at a time")
    number = number.replace(" ", "")  # often the only separator, and faster than the table
    if number.isascii() and number.removeprefix("+").isdecimal():
        return number
    if "e" in number or "E" in number:
        number = _without_exponent(number.strip())
    number = number.translate(_SEPARATORS)
    if not number.isascii():
        number = "".join(str(unicodedata.decimal(character, character)) for character in number)
    before, trunk_zero, after = number.partition("(0)")
    if trunk_zero and before.strip("(+)"):  # the 0 is not dialled after a country code: +33 (0)1 23
        number = before + after
    number = number.replace("(", "").replace(")", "")
    whole_float = _WHOLE_FLOAT.fullmatch(number)
    return whole_float[1] if whole_float else number.replace(".", "")


def _without_exponent(number: str) -> str:
    """Expand a spreadsheet's scientific notation if it has kept all digits."""
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
    """Raise a ValidationError if a number without separators has more than digits and a +."""
    strangers = re.sub("^[+]|[0-9]+", "", number)
    if any(map(str.isalpha, strangers)):
        refuse(number, "it contains letters; use digits only, or remove it")
    if strangers:
        refuse(number, f"{strangers[0]!a} does not belong in it; pass one number, digits only")
