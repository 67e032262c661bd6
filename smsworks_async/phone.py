"""Normalisation of phone numbers to the form that the API accepts.

The API accepts digits only, country code first: ``447700900123``. UK mobiles are validated here:
44, then 7, then nine digits, as in Ofcom's National Telephone Numbering Plan, without personal
numbers (070) and pagers (076, except the Isle of Man's mobiles, 07624). Ofcom's numbers for drama,
07700 900000 to 900999, pass, so that tests can use them. Jersey, Guernsey and the Isle of Man count
as UK. Any other number is outside the UK. It is refused by default; with ``international=True`` the
phonenumbers library validates it.
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

#: The prefix of normalised UK destinations.
UK: Final = "44"

# The digits before the last eight of a normalised UK mobile.
_MOBILE_DIGITS: Final = "12345789"
_MOBILE: Final = frozenset({f"447{digit}" for digit in _MOBILE_DIGITS})
_BEFORE_LAST_EIGHT: Final = itemgetter(slice(None, -8))
_STRINGS: Final = frozenset({str})
_ISLE_OF_MAN: Final = "447624"
# The digits before the last nine of a written UK mobile. A trunk 0 may follow the country code. (A
# table and two slices take half the time of a regular expression.)
_WITH_COUNTRY_CODE: Final = frozenset({"447", "+447", "00447", "4407", "+4407", "004407"})
_UK_SHAPE: Final = _WITH_COUNTRY_CODE | {"07", "7"}
# The regions that share the prefix 447 and its format: the UK, Guernsey, the Isle of Man, Jersey.
_UK_REGIONS: Final = frozenset({"GB", "GG", "IM", "JE"})


def normalise(
    number: str | float,
    *,
    international: bool = False,
    region: str | None = None,
) -> str:
    """Return a destination in the form that the API accepts, such as ``"447700900123"``.

    A UK mobile may be written 07…, 7…, 447…, +447…, 00447… or +44 (0)7…. Spaces, dots, dashes,
    brackets and slashes are ignored. So are the effects of spreadsheets: a lost leading 0, a
    leading apostrophe, a trailing ``.0``, scientific notation that has kept all digits. Digits of
    any script are accepted.

    Arguments:
        number: the destination, as a string or an integer.
        international: accept numbers outside the UK (default False), validated by the phonenumbers
            library. A number with ``+`` or ``00`` must be *possible*, one without must be *valid*.
            Premium-rate, freephone and shared-cost numbers are refused; landlines are accepted.
        region: the country of numbers without a country code, as two capital letters such as
            ``"FR"`` (default: the UK, ``"GB"``). Digits that are valid both as a national and as an
            international number are read as national, so do not normalise a number twice.

    Raises:
        ValidationError: the number cannot receive texts, or is outside the UK without
            ``international``, with ``field="destination"`` and the API's code 4004; or the region
            is not known, with
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
    """Return a function that normalises a client's destinations.

    Arguments:
        international: accept numbers outside the UK.
    """
    return _anywhere if international else _uk


def are_normalised(numbers: Sequence[Any]) -> bool:
    """Return whether all values are plain strings with normalised UK mobiles.

    This is true of most slices of most lists, and is faster than calling `normalise` for each.

    >>> are_normalised(["447700900123", "447700900124"]), are_normalised(["07700 900123"])
    (True, False)
    """
    try:
        joined = "".join(numbers)
    except TypeError:  # integers, for example
        return False
    return (
        joined.isascii()
        and joined.isdecimal()
        and _MOBILE.issuperset(map(_BEFORE_LAST_EIGHT, numbers))
        and _STRINGS.issuperset(map(type, numbers))
    )


class Normalised(tuple[str, ...]):
    """Normalised destinations, which need not be normalised again."""

    __slots__ = ()


def apply_rule(rule: Callable[[Any], str], numbers: Iterable[Any]) -> Normalised:
    """Return numbers normalised by a rule. `Normalised` values are returned as they are.

    Arguments:
        rule: the function from `destination_rule`, or `canonical`.
        numbers: the numbers, in any usual spelling.
    """
    if type(numbers) is Normalised:
        return numbers
    given = list(iter(numbers))  # does not call __len__
    return Normalised(given if are_normalised(given) else map(rule, given))


def canonical(number: Any) -> str:
    """Return a UK mobile normalised, and any other number reduced to its digits.

    A number outside the UK is not validated here: it keeps its + (00 becomes +), and the client
    that sends to it validates it.

    Raises:
        ValidationError: it cannot be a phone number.

    >>> canonical("07700 900123"), canonical("0033 6 39 98 00 01")
    ('447700900123', '+33639980001')
    """
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number
    number = reduce_number(number)
    uk = _as_uk_mobile(number, _UK_SHAPE)
    return uk or ("+" if number.startswith(("+", "00")) else "") + _foreign_digits(number)


def digits_of(number: object) -> str:
    """Return the digits of a number from the API or a journal, for comparison.

    It never raises: UK mobiles become ``447…``, any other number its digits without + or 00, and
    anything else an empty string.

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

    Only the format is checked: Jersey, Guernsey and the Isle of Man share 44 7 with the UK and
    count as UK.

    >>> is_uk("447700900123"), is_uk("33639980001")
    (True, False)
    """
    return destination.startswith(UK)


def _uk(number: Any, region: str | None = None) -> str:
    """Return a UK mobile normalised; raise ValidationError for any other number."""
    if type(number) is str and number[:-8] in _MOBILE and number.isdecimal() and number.isascii():
        return number  # already normalised, as in most lists
    number = reduce_number(number)
    national = region is None or region in _UK_REGIONS
    uk = _as_uk_mobile(number, _UK_SHAPE if national else _WITH_COUNTRY_CODE)
    if uk is None:
        if national:
            _foreign_digits(number)  # may raise a more precise error
        refuse(
            number,
            "it is not a UK mobile (07 or 447 and then nine digits); numbers outside the UK are "
            "refused unless international=True is passed to the client or to phone.normalise",
        )
    return uk


def _anywhere(number: Any, region: str | None = None) -> str:
    """Return a number of any country normalised."""
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
    if digits.startswith(UK):  # a UK number that is not written as a mobile
        return _as_uk_mobile(digits, _WITH_COUNTRY_CODE) or _refuse_uk(digits)
    return digits


def _as_uk_mobile(number: str, prefixes: frozenset[str]) -> str | None:
    """Return the UK mobile in a reduced number; None if it may belong to another country."""
    last_nine = number[-9:]
    if number[:-9] not in prefixes or not last_nine.isdecimal():
        refuse_strangers(number)
        return None
    wire = "447" + last_nine
    if last_nine[0] in _MOBILE_DIGITS or wire.startswith(_ISLE_OF_MAN):
        return wire
    kind = "personal number (070)" if wire[3] == "0" else "pager (076)"
    raise refusal(number, f"it is a UK {kind}, not a mobile, and only mobiles can receive texts")


def _without_prefix(reduced: str) -> str:
    return reduced[1:] if reduced.startswith("+") else reduced.removeprefix("00")


def _foreign_digits(number: str) -> str:
    """Return the digits of a reduced number that may be outside the UK.

    Raises:
        ValidationError: it has too few or too many digits, or is a UK number but not a mobile.
    """
    digits = _without_prefix(number)
    problem = None
    if len(digits) < FEWEST_DIGITS:
        count = {0: "no digits", 1: "1 digit"}.get(len(digits), f"{len(digits)} digits")
        problem = f"it has {count}, too few for a number; correct or remove it"
    elif len(digits) > MOST_DIGITS:
        problem = f"it has {len(digits)} digits, too many for a number; pass one number at a time"
    elif number.startswith("07") or digits.startswith(("447", "4407")):
        problem = "a UK mobile is 07 or 447 and then nine digits, no more and no fewer; correct it"
    elif digits.startswith(UK):
        _refuse_uk(number)
    elif digits.startswith("0"):
        problem = (
            "it is not a UK mobile (07 or 447 and then nine digits), and only mobiles can receive "
            "texts; if it is outside the UK, write its country code first, such as 33 for France "
            "(with "
            "international=True)"
        )
    if problem:
        refuse(number, problem)
    return digits


def _refuse_uk(number: str) -> NoReturn:
    refuse(
        number,
        "it is not a UK mobile (447 and then nine digits), and only mobiles can receive texts",
    )
