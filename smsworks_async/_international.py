"""Numbers outside the UK, validated by the phonenumbers library (extra `international`)."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Final

import attrs

from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.models import values


@attrs.frozen
class Refusal:
    """Why a number cannot be texted; the reason does not quote it."""

    reason: str


_NOWHERE: Final = Refusal(
    "it is not in any country's numbering plan; check the country code and the digits, and put a + "
    "before the country code"
)
_COSTLY: Final = Refusal(
    "it is a premium-rate, freephone or shared-cost number, which cannot be texted"
)


def require() -> ModuleType:
    """Return the phonenumbers library.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import phonenumbers
    except ImportError as error:
        raise ConfigurationError(
            "international=True and region= need the extra `international`, which is not "
            "installed: python -m pip install phonenumbers"
        ) from error
    library: ModuleType = phonenumbers
    return library


def check_region(region: object) -> str | None:
    """Return a region that the library knows, as a plain string; None stays None.

    Raises:
        ValidationError: the library does not know the region.
        ConfigurationError: the library is not installed.
    """
    library = require()
    known = values.as_text(region)
    if region is not None and known not in library.SUPPORTED_REGIONS:
        raise ValidationError(
            "region is not known; pass two capital letters such as 'FR', or 'GB' for the UK",
            field="region",
        )
    return known


def country_of(number: str) -> str | None:
    """Return the two letters of a number's country; None if the library cannot tell.

    Arguments:
        number: digits, country code first.

    Raises:
        ConfigurationError: the library is not installed.
    """
    library: Any = require()
    try:
        read = library.parse(f"+{number}")
    except library.NumberParseException:
        return None
    region = library.region_code_for_number(read)
    if region is None:  # an unknown range: use the main country of the calling code
        region = library.region_code_for_country_code(read.country_code)
    return region if len(region) == 2 and region.isalpha() and region != "ZZ" else None


def judge(number: str, region: str | None) -> str | Refusal:
    """Return a number's digits, country code first, or why it cannot be texted.

    A number with + or 00 must be *possible*: its length fits the country's numbering plan, which is
    also true of ranges that the library does not know yet. A number without must be *valid*, since
    otherwise any digits (a date, an IP address, a UK landline without its 0) would pass as a number
    of some country.

    Arguments:
        number: digits, perhaps with + or 00 before them.
        region: the country of numbers without a country code; None if all numbers have one.

    Raises:
        ConfigurationError: the library is not installed.
    """
    library: Any = require()
    plus = number.startswith(("+", "00"))
    international = "+" + number.removeprefix("+").removeprefix("00")
    if plus or region is None:
        spellings = [international]
    elif number.startswith(str(library.country_code_for_region(region))):
        # A German number that begins with 49 is almost never a national one without its 0.
        spellings = [international, number]
    else:  # try national first: the US and Denmark write bare national digits
        spellings = [number, international]
    possible = library.ValidationResult.IS_POSSIBLE
    for spelling in spellings:
        try:
            read = library.parse(spelling, region)
        except library.NumberParseException:
            continue  # try the other spelling
        if (
            library.is_possible_number_with_reason(read) == possible
            if plus
            else library.is_valid_number(read)
        ):
            kinds = library.PhoneNumberType
            if library.number_type(read) in {
                kinds.PREMIUM_RATE,
                kinds.TOLL_FREE,
                kinds.SHARED_COST,
            }:
                return _COSTLY
            written: str = library.format_number(read, library.PhoneNumberFormat.E164)
            return written.removeprefix("+")
    return _NOWHERE
