"""Destinations: from what people write to what the API takes.

The API takes digits alone, country code first: ``447700900123``. A UK mobile is judged by a rule of
our own: 44, then 7, then nine digits, as in Ofcom's National Telephone Numbering Plan, without
personal numbers (070) and pagers (076, but for the Isle of Man's mobiles, 07624). That keeps
Ofcom's numbers for drama, 07700 900000 to 900999, usable in tests. Jersey, Guernsey and the Isle of
Man count as UK. Any other number is outside the UK, and is refused unless it is asked for: then the
phonenumbers library judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, NoReturn

from smsworks_async._spelling import (
    FEWEST_DIGITS,
    MOST_DIGITS,
    mask,
    reduce_number,
    refusal,
    refuse,
    refuse_strangers,
)
from smsworks_async.errors import ValidationError
from smsworks_async.models import values


__all__ = [
    "UK",
    "are_normalised",
    "canonical",
    "destination_rule",
    "digits_of",
    "is_uk",
    "mask",
    "normalise",
]

#: What a normalised destination in the UK starts with.
UK: Final = "44"

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

    >>> are_normalised(["447700900123", "447700900124"]), are_normalised(["07700 900123"])
    (True, False)
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


class Normalised(tuple[str, ...]):
    """Destinations as a rule returned them, which no rule need judge again."""

    __slots__ = ()


def apply_rule(rule: Callable[[Any], str], numbers: Iterable[Any]) -> Normalised:
    """Return numbers as a rule returns them; numbers that are normalised already pass every rule.

    Arguments:
        rule: `destination_rule`'s, or `canonical`.
        numbers: the numbers, in any usual spelling.
    """
    if type(numbers) is Normalised:
        return numbers
    given = list(iter(numbers))  # which asks for no length
    return Normalised(given if are_normalised(given) else map(rule, given))


def canonical(number: Any) -> str:
    """Return a UK mobile as the API takes it, and any other number reduced to its digits.

    A number outside the UK is not judged here: it keeps the + that tells how it was written (00
    becomes +), and the client that sends it judges it.

    Raises:
        ValidationError: it can be no number to text at all.

    >>> canonical("07700 900123"), canonical("0033 6 39 98 00 01")
    ('447700900123', '+33639980001')
    """
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number
    number = reduce_number(number)
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
        reduced = reduce_number(number)
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

    >>> is_uk("447700900123"), is_uk("33639980001")
    (True, False)
    """
    return destination.startswith(UK)


def _uk(number: Any, region: str | None = None) -> str:
    """Return a UK mobile as the API takes it, and refuse any other number."""
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number  # as the API wants it, and as most lists have it
    number = reduce_number(number)
    national = region is None or region in _UK_REGIONS
    uk = _as_uk_mobile(number, _UK_SHAPE if national else _WITH_COUNTRY_CODE)
    if uk is None:
        if national:
            _foreign_digits(number)  # which may say more precisely what is wrong
        refuse(
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

    number = reduce_number(number)
    in_uk = region is None or region in _UK_REGIONS
    uk = _as_uk_mobile(number, _UK_SHAPE if in_uk else _WITH_COUNTRY_CODE)
    if uk is not None:
        return uk
    if in_uk:
        _foreign_digits(number)
    digits = _international.judge(number, None if in_uk else region)
    if isinstance(digits, _international.Refusal):
        refuse(number, digits.reason)
    if digits.startswith(UK):  # a number in the UK that is not written as one of its mobiles
        return _as_uk_mobile(digits, _WITH_COUNTRY_CODE) or _refuse_uk(digits)
    return digits


def _as_uk_mobile(number: str, prefixes: frozenset[str]) -> str | None:
    """Return a reduced number that is a UK mobile; None where it may be one of another country."""
    last_nine = number[-9:]
    if number[:-9] not in prefixes or not last_nine.isdecimal():
        refuse_strangers(number)
        return None
    wire = "447" + last_nine
    if last_nine[0] in _MOBILE_DIGITS or wire.startswith(_ISLE_OF_MAN):
        return wire
    kind = "personal number (070)" if wire[3] == "0" else "pager (076)"
    raise refusal(number, f"it is a UK {kind} and no mobile, and texts go to mobiles alone")


def _without_prefix(reduced: str) -> str:
    return reduced[1:] if reduced.startswith("+") else reduced.removeprefix("00")


def _foreign_digits(number: str) -> str:
    """Return the digits of a reduced number that may be one outside the UK.

    Raises:
        ValidationError: it has too few or too many digits, or is one in the UK that is no mobile.
    """
    digits = _without_prefix(number)
    problem = None
    if len(digits) < FEWEST_DIGITS:
        count = {0: "no digits", 1: "1 digit"}.get(len(digits), f"{len(digits)} digits")
        problem = f"it has {count}, too few for a number; correct or remove it"
    elif len(digits) > MOST_DIGITS:
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
        refuse(number, problem)
    return digits


def _refuse_uk(number: str) -> NoReturn:
    refuse(number, "it is no UK mobile (447 and then nine digits), and texts go to mobiles alone")
