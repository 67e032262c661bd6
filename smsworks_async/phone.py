"""Destinations: from what people write to what the API takes.

The API takes digits alone, country code first: ``447700900123``. A UK mobile is judged by a rule of
our own: 44, then 7, then nine digits, as in Ofcom's National Telephone Numbering Plan, without
personal numbers (070) and pagers (076, but for the Isle of Man's mobiles, 07624). That keeps
Ofcom's numbers for drama, 07700 900000 to 900999, usable in tests. Jersey, Guernsey and the Isle of
Man count as UK. Any other number is outside the UK, and is refused unless it is asked for: then the
phonenumbers library judges it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NoReturn

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


#: What a normalised destination in the UK starts with.
UK: Final = "44"

_INVALID_DESTINATION: Final = 4004
_MISSING: Final = "is missing; give a number as text, such as '07700 900123'"
# Longer than any number that people write, so that what is checked is always short.
_LONGEST: Final = 64
# E.164 allows 15 digits, country code included; no number to text is shorter than 7.
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15

# What stands before the last eight digits of a UK mobile on the wire.
_MOBILE_DIGITS: Final = "12345789"
_MOBILE: Final = frozenset({f"447{digit}" for digit in _MOBILE_DIGITS})
_BEFORE_LAST_EIGHT: Final = itemgetter(slice(None, -8))
_STRINGS: Final = frozenset({str})
_ISLE_OF_MAN: Final = "447624"
# What stands before the last nine digits of a number of that shape. A trunk 0 may follow the
# country code. (A table and two slices take half the time of a regular expression.)
_WITH_COUNTRY_CODE: Final = frozenset({"447", "+447", "00447", "4407", "+4407", "004407"})
_UK_SHAPE: Final = _WITH_COUNTRY_CODE | {"07", "7"}
# The regions that share 44 7 and its shape: the UK, Guernsey, the Isle of Man, Jersey.
_UK_REGIONS: Final = frozenset({"GB", "GG", "IM", "JE"})

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


def normalise(
    number: str | float,
    *,
    international: bool = False,
    region: str | None = None,
) -> str:
    """Return a destination in the form that the API takes, such as ``"447700900123"``.

    A UK mobile may be written 07…, 7…, 447…, +447…, 00447… or +44 (0)7…. Spaces, dots, dashes,
    brackets and slashes are ignored, as are the traces of spreadsheets: a lost leading 0, a leading
    apostrophe, a trailing ``.0``, scientific notation that has kept all digits. Digits of any
    script count.

    Arguments:
        number: the destination, as text, or as a whole number.
        international: accept numbers outside the UK (default False), judged by the phonenumbers
            library. A number with ``+`` or ``00`` must be possible there, one without must be
            valid. Premium-rate, freephone and shared-cost numbers are refused, landlines are not.
        region: the country that a number without a country code belongs to, in two capital letters
            such as ``"FR"`` (the UK, the default, is ``"GB"``). Digits alone that are valid both in
            that country and as an international number are taken as national: normalise them once,
            not twice.

    Raises:
        ValidationError: it is no number to text, or one outside the UK without ``international``,
            with ``field="destination"`` and the API's code 4004; or the region is not known, with
            ``field="region"``. The message shows at most the last three digits.
        ConfigurationError: ``international`` or ``region`` is set, and the extra ``international``
            is not installed.

    >>> normalise("+44 (0)7700 900123")
    '447700900123'
    >>> normalise(7700900123)
    '447700900123'
    """
    international = values.boolean(international, "international")
    if international or region is not None:
        from smsworks_async import _international

        region = _international.check_region(region)
    return _anywhere(number, region) if international else _uk(number, region)


def destination_rule(*, international: bool) -> Callable[[Any], str]:
    """Return the function that a client's destinations go through: `normalise`, with its setting.

    Arguments:
        international: accept numbers outside the UK.
    """
    return _anywhere if international else _uk


def are_normalised(numbers: Sequence[Any]) -> bool:
    """Return whether all of these are plain strings that are UK mobiles as the API takes them.

    That is so for most slices of most lists, and takes less time than `normalise` for each.
    """
    try:
        joined = "".join(numbers)
    except TypeError:  # some are integers, say
        return False
    return (
        joined.isascii()
        and joined.isdecimal()
        and _MOBILE.issuperset(map(_BEFORE_LAST_EIGHT, numbers))
        and _STRINGS.issuperset(map(type, numbers))
    )


def canonical(number: Any) -> str:
    """Return a UK mobile as the API takes it, and any other number reduced to its digits.

    A number outside the UK is not judged here: it keeps the + that tells how it was written (00
    becomes +), and the client that sends it judges it.

    Raises:
        ValidationError: it can be no number to text at all.
    """
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number
    number = _reduced(number)
    uk = _as_uk_mobile(number, _UK_SHAPE)
    return uk or ("+" if number.startswith(("+", "00")) else "") + _foreign_digits(number)


def digits_of(number: object) -> str:
    """Return the digits of a number that the API or a journal gave, to compare numbers by.

    It judges nothing and raises nothing: UK spellings become ``447…``, any other number its digits
    without + or 00, and what is no number an empty string.

    >>> digits_of("07700 900123"), digits_of("+33 1 23 45 67 89"), digits_of(None)
    ('447700900123', '33123456789', '')
    """
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number
    try:
        reduced = _reduced(number)
    except ValidationError:
        return ""
    last_nine = reduced[-9:]
    if reduced[:-9] in _UK_SHAPE and last_nine.isdecimal():
        return "447" + last_nine
    digits = _without_prefix(reduced)
    return digits if digits.isdecimal() else ""


def is_uk(destination: str) -> bool:
    """Return whether a normalised destination is in the UK.

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


def _uk(number: Any, region: str | None = None) -> str:
    """Return a UK mobile as the API takes it, and refuse any other number."""
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number  # as the API wants it, and as most lists have it
    number = _reduced(number)
    national = region is None or region in _UK_REGIONS
    uk = _as_uk_mobile(number, _UK_SHAPE if national else _WITH_COUNTRY_CODE)
    if uk is None:
        if national:
            _foreign_digits(number)  # which may say more precisely what is wrong
        _refuse(
            number,
            "it is no UK mobile (07 or 447 and then nine digits); numbers outside the UK are "
            "refused unless the client, or phone.normalise, is given international=True",
        )
    return uk


def _anywhere(number: Any, region: str | None = None) -> str:
    """Return a number of any country as the API takes it."""
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number
    from smsworks_async import _international

    number = _reduced(number)
    in_uk = region is None or region in _UK_REGIONS
    uk = _as_uk_mobile(number, _UK_SHAPE if in_uk else _WITH_COUNTRY_CODE)
    if uk is not None:
        return uk
    if in_uk:
        _foreign_digits(number)
    digits = _international.judge(number, None if in_uk else region)
    if isinstance(digits, _international.Refusal):
        _refuse(number, digits.reason)
    if digits.startswith(UK):  # a number in the UK that is not written as one of its mobiles
        return _as_uk_mobile(digits, _WITH_COUNTRY_CODE) or _refuse_uk(digits)
    return digits


def _reduced(number: Any) -> str:
    """Return a number without separators, its digits in ASCII."""
    plain: str | None = number if type(number) is str else values.as_text(number)
    if plain is None:
        plain = _digits_of_number(number)
    if plain.isdecimal() and plain.isascii():
        return plain
    if not plain.strip():
        _refuse_value(_MISSING)
    return _without_separators(plain)


def _as_uk_mobile(number: str, prefixes: frozenset[str]) -> str | None:
    """Return a reduced number that is a UK mobile; None where it may be one of another country."""
    last_nine = number[-9:]
    if number[:-9] not in prefixes or not last_nine.isdecimal():
        _refuse_strangers(number)
        return None
    wire = "447" + last_nine
    if last_nine[0] in _MOBILE_DIGITS or wire.startswith(_ISLE_OF_MAN):
        return wire
    kind = "personal number (070)" if wire[3] == "0" else "pager (076)"
    raise _refusal(number, f"it is a UK {kind} and no mobile, and texts go to mobiles alone")


def _without_prefix(reduced: str) -> str:
    return reduced[1:] if reduced.startswith("+") else reduced.removeprefix("00")


def _foreign_digits(number: str) -> str:
    """Return the digits of a reduced number that may be one outside the UK.

    Raises:
        ValidationError: it has too few or too many digits, or is one in the UK that is no mobile.
    """
    digits = _without_prefix(number)
    problem = None
    if len(digits) < _FEWEST_DIGITS:
        count = {0: "no digits", 1: "1 digit"}.get(len(digits), f"{len(digits)} digits")
        problem = f"it has {count}, too few for a number; correct or remove it"
    elif len(digits) > _MOST_DIGITS:
        problem = f"it has {len(digits)} digits, too many for a number; give one number at a time"
    elif number.startswith("07") or digits.startswith(("447", "4407")):
        problem = "a UK mobile is 07 or 447 and then nine digits, no more and no fewer; correct it"
    elif digits.startswith(UK):
        _refuse_uk(number)
    elif digits.startswith("0"):
        problem = (
            "it is no UK mobile (07 or 447 and then nine digits), and texts go to mobiles alone; "
            "if it is outside the UK, write its country code first, such as 33 for France (with "
            "international=True)"
        )
    if problem:
        _refuse(number, problem)
    return digits


def _refuse_uk(number: str) -> NoReturn:
    _refuse(number, "it is no UK mobile (447 and then nine digits), and texts go to mobiles alone")


def _refusal(number: str, problem: str) -> ValidationError:
    return ValidationError(
        f"destination {mask(number)}: {problem}", field="destination", code=_INVALID_DESTINATION
    )


def _refuse_value(problem: str) -> NoReturn:
    """Refuse a value that has no digits to point to; the problem goes on after the field's name."""
    raise ValidationError(f"destination {problem}", field="destination", code=_INVALID_DESTINATION)


def _refuse(number: str, problem: str) -> NoReturn:
    raise _refusal(number, problem)


def _digits_of_number(number: Any) -> str:
    """Return the digits of an integer, or of a float that has none behind its point."""
    whole = values.as_integer(number)
    if whole is None:
        if values.as_number(number) is not None:
            _refuse_value("as a number must have all its digits; format it as text")
        if values.is_missing(number):
            _refuse_value(_MISSING)
        kind = type(number).__name__
        _refuse_value(f"must be a str or an int, not {kind}; format numbers as text")
    if not 0 < whole < 10**_MOST_DIGITS:
        _refuse_value(f"must be positive where it is an int, with at most {_MOST_DIGITS} digits")
    return str(whole)


def _without_separators(number: str) -> str:
    """Reduce a number to what it would be without separators, its digits in ASCII."""
    if len(number) > _LONGEST:
        _refuse(number, "it is too long for a number; give one number at a time")
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
    _refuse(
        number,
        "a spreadsheet has turned it into scientific notation, which has lost digits; "
        "format the column as text and export it again",
    )


def _refuse_strangers(number: str) -> None:
    """Refuse what is left of a number without separators if it has more than digits and a +."""
    strangers = re.sub("^[+]|[0-9]+", "", number)
    if any(map(str.isalpha, strangers)):
        _refuse(number, "it has letters in it; give digits alone, or remove it")
    if strangers:
        _refuse(number, f"{strangers[0]!a} does not belong in it; give one number, in digits alone")
