"""Destinations: from what people write to what the API takes.

The API takes digits alone, country code first: ``447700900123``. A UK mobile is judged by a rule of
our own, 44, then 7, then nine digits, which is its shape in Ofcom's National Telephone Numbering
Plan. That keeps Ofcom's numbers for drama, 07700 900000 to 900999, usable in tests, and it also
lets through personal numbers (070) and pagers (076): whether a text reaches those, the network
says. Other countries are judged by the shape of ITU-T E.164, or by the phonenumbers library where
asked.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from typing import Any, NoReturn

from smsworks_async.errors import ConfigurationError, ValidationError


#: What a normalised destination in the UK starts with.
UK = "44"

_INVALID_DESTINATION = 4004
# Longer than any number that people write, so that what is checked is always short.
_LONGEST = 64
# E.164 allows 15 digits, country code included; no number to text is shorter than 7.
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
_DIGITS_AFTER_PLUS_7 = 11  # of Russia and Kazakhstan, the country code included

# What stands before the last nine digits of a UK mobile. A trunk 0 may follow the country code.
# (A table and two slices take half the time of a regular expression.)
_WITH_COUNTRY_CODE = frozenset({"447", "+447", "00447", "4407", "+4407", "004407"})
_UK_MOBILE = _WITH_COUNTRY_CODE | {"07", "7"}
# The regions that share 44 7 and its shape: the UK, Guernsey, the Isle of Man, Jersey.
_UK_REGIONS = frozenset({None, "GB", "GG", "IM", "JE"})

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
_WHOLE_FLOAT = re.compile("([0-9]+)[.]0")
_SCIENTIFIC = re.compile("[0-9,]+[Ee][+]?[0-9]+")


def normalise(number: str | int, *, region: str | None = None, strict: bool = False) -> str:
    """Bring a destination into the form that the API takes, such as ``"447700900123"``.

    A UK mobile may be written 07…, 7…, 447…, +447…, 00447… or +44 (0)7…; any other number starts
    with its country code, with or without + or 00. Spaces, dots, dashes, brackets and slashes are
    ignored, as are the traces of spreadsheets: a lost leading 0, a leading apostrophe, a trailing
    ``.0``. Digits of any script count. Without a region, what has been normalised is not
    changed by doing it again.

    Arguments:
        number: the destination, as text or as an integer.
        region: the country that a number without a country code belongs to, in two capital letters
            such as ``"FR"`` (the UK is ``"GB"``). The phonenumbers library then reads every number
            that is not a UK mobile. Digits alone that are valid both in that country and as an
            international number are taken as national: normalise them once, not twice.
        strict: whether numbers outside the UK must be valid in the numbering plan of their country,
            as the phonenumbers library knows it, and not only in shape.

    Raises:
        ValidationError: it is no number to text, with ``field="destination"`` and the API's code
            4004; or the region is not known, with ``field="region"``. The message shows at most
            the last three digits.
        ConfigurationError: ``region`` or ``strict`` is used and the extra is not installed.

    >>> normalise("+44 (0)7700 900123")
    '447700900123'
    >>> normalise(7700900123)
    '447700900123'
    >>> normalise("+33 1 23 45 67 89")
    '33123456789'
    """
    if region is None and not strict:
        return by_our_own_rules(number)
    _require_library(region)
    number = _reduced(number)
    prefixes = _UK_MOBILE if region in _UK_REGIONS else _WITH_COUNTRY_CODE
    uk_mobile = _as_uk_mobile(number, prefixes)
    return uk_mobile or _by_shape(_by_library(number, region, strict=strict))


def by_our_own_rules(number: str | int) -> str:
    """Bring a destination into the form that the API takes: `normalise` without its options.

    Raises:
        ValidationError: it is no number to text.
    """
    if (
        type(number) is str and number[:-9] == "447" and number.isdecimal() and number.isascii()
    ):  # as the API wants it, and as most lists have it
        return number
    number = _reduced(number)
    return _as_uk_mobile(number, _UK_MOBILE) or _by_shape(number)


def _reduced(number: str | int) -> str:
    """Give a number without separators, its digits in ASCII."""
    if type(number) is not str:
        number = str(number) if isinstance(number, str) else _digits_of_integer(number)
    if number.isdecimal() and number.isascii():
        return number
    return _without_separators(number)


def _as_uk_mobile(number: str, prefixes: frozenset[str]) -> str | None:
    """Give a reduced number that is a UK mobile; None where it may be one of another country."""
    last_nine = number[-9:]
    if number[:-9] in prefixes and last_nine.isdecimal():
        return "447" + last_nine
    _refuse_strangers(number)
    return None


def is_uk(destination: str) -> bool:
    """Tell whether a normalised destination is in the UK.

    It goes by shape: Jersey, Guernsey and the Isle of Man share 44 7 with the UK and count as UK.
    """
    return destination.startswith(UK)


def mask(number: str) -> str:
    """Show the last three digits of a number and nothing else, for logs and errors.

    What has fewer than seven digits is too short to hide in, and shows none of them.

    >>> mask("+44 7700 900123")
    '…123'
    """
    digits = re.findall(r"\d", number[-_LONGEST:])
    return "…" + "".join(digits[-3:]) if len(digits) >= _FEWEST_DIGITS else "…"


def _refuse(number: str, problem: str) -> NoReturn:
    raise ValidationError(
        f"destination {mask(number)}: {problem}", field="destination", code=_INVALID_DESTINATION
    )


def _digits_of_integer(number: Any) -> str:
    try:
        digits = operator.index(number)  # NumPy's integers are welcome too
    except TypeError:
        digits = None
    if digits is None or isinstance(number, bool):
        kind = type(number).__name__
        _refuse("", f"it must be a str or an int, not {kind}; format numbers as text")
    if not 0 < digits < 10**_MOST_DIGITS:
        _refuse("", f"as an int it must be positive, with at most {_MOST_DIGITS} digits")
    return str(digits)


def _without_separators(number: str) -> str:
    """Reduce a number to what it would be without separators, its digits in ASCII."""
    if len(number) > _LONGEST:
        _refuse(number, "it is too long for a number; give one number at a time")
    number = number.replace(" ", "")  # often the only separator, and quicker than the table
    if number.isascii() and number.removeprefix("+").isdecimal():
        return number
    number = number.translate(_SEPARATORS)
    if not number.isascii():
        number = "".join(str(unicodedata.decimal(character, character)) for character in number)
    before, trunk_zero, after = number.partition("(0)")
    if trunk_zero and before.strip("(+)"):  # not dialled after a country code: +33 (0)1 23
        number = before + after
    number = number.replace("(", "").replace(")", "")
    whole_float = _WHOLE_FLOAT.fullmatch(number)
    return whole_float[1] if whole_float else number.replace(".", "")


def _refuse_strangers(number: str) -> None:
    """Refuse what is left of a number without separators if it has more than digits and a +."""
    strangers = re.sub("^[+]|[0-9]+", "", number)
    if _SCIENTIFIC.fullmatch(number):
        _refuse(
            number,
            "a spreadsheet has turned it into scientific notation, which loses digits; "
            "format the column as text and export it again",
        )
    if any(map(str.isalpha, strangers)):
        _refuse(number, "it has letters in it; give digits alone, or remove it")
    if strangers:
        _refuse(number, f"{strangers[0]!a} does not belong in it; give one number, in digits alone")


def _by_shape(number: str) -> str:
    """Take digits, after any + or 00, that have the shape of E.164 and are not meant to be UK."""
    digits = number[1:] if number.startswith("+") else number.removeprefix("00")
    problem = None
    if len(digits) < _FEWEST_DIGITS:
        count = {0: "no digits", 1: "1 digit"}.get(len(digits), f"{len(digits)} digits")
        problem = f"it has {count}, too few for a number; correct or remove it"
    elif len(digits) > _MOST_DIGITS:
        problem = f"it has {len(digits)} digits, too many for a number; give one number at a time"
    elif number.startswith("07") or digits.startswith(("447", "4407")):
        problem = "a UK mobile is 07 or 447 and then nine digits, no more and no fewer; correct it"
    elif digits.startswith("44"):
        problem = "it is no UK mobile (447 and then nine digits), and texts go to mobiles alone"
    elif digits.startswith("0"):
        problem = (
            "it is no UK mobile (07 and then nine digits), and texts go to mobiles alone; "
            "if it is abroad, write its country code first, such as 33 for France"
        )
    elif digits.startswith("7") and len(digits) != _DIGITS_AFTER_PLUS_7:
        # Without this, a UK number that lost its 0 and one digit more would go abroad.
        problem = (
            "a UK mobile has ten digits from its 7 on, a number in Russia or Kazakhstan eleven, "
            f"and this has {len(digits)}; correct it"
        )
    if problem:
        _refuse(number, problem)
    return digits


def _require_library(region: str | None) -> None:
    try:
        import phonenumbers
    except ImportError as error:
        raise ConfigurationError(
            "region= and strict= need the phonenumbers library: "
            'pip install "smsworks-async[international]"'
        ) from error
    if region is not None and str(region) not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(
            "region is not known; give two capital letters such as 'FR', or 'GB' for the UK",
            field="region",
        )


def _by_library(number: str, region: str | None, *, strict: bool) -> str:
    """Let the phonenumbers library read digits, and give them with their country code first."""
    import phonenumbers

    international = "+" + number.removeprefix("+").removeprefix("00")
    if region is None or number.startswith(("+", "00")):
        spellings = [international]
    elif number.startswith(str(phonenumbers.country_code_for_region(region))):
        # A German number of 49... is hardly ever a national one that lost its 0.
        spellings = [international, number]
    else:  # bare digits are national first, as they are written in the US or in Denmark
        spellings = [number, international]
    readings = []
    for spelling in spellings:
        try:
            readings.append(phonenumbers.parse(spelling, region))
        except phonenumbers.NumberParseException:
            continue  # the other spelling may be one
    fitting = [reading for reading in readings if phonenumbers.is_valid_number(reading)]
    if not fitting and not strict:
        possible = phonenumbers.ValidationResult.IS_POSSIBLE
        judge = phonenumbers.is_possible_number_with_reason
        fitting = [reading for reading in readings if judge(reading) == possible]
    if not fitting:
        if region in _UK_REGIONS:
            _by_shape(number)  # may say more precisely what is wrong
        _refuse(number, "no country's numbering plan has it; check its country code and its digits")
    e164 = phonenumbers.format_number(fitting[0], phonenumbers.PhoneNumberFormat.E164)
    return e164.removeprefix("+")
