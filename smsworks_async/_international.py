"""Numbers outside the UK, as the phonenumbers library knows them: the extra `international`."""

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
    "no country's numbering plan has it; check its country code and its digits, and put a + before "
    "the country code"
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
            "international=True and region= need the phonenumbers library: "
            'pip install "smsworks-async[international]"'
        ) from error
    library: ModuleType = phonenumbers
    return library


def check_region(region: object) -> str | None:
    """Return a region that the library knows, as a plain string; None stays None.

    Raises:
        ValidationError: it knows no such region.
        ConfigurationError: the library is not installed.
    """
    library = require()
    known = values.as_text(region)
    if region is not None and known not in library.SUPPORTED_REGIONS:
        raise ValidationError(
            "region is not known; give two capital letters such as 'FR', or 'GB' for the UK",
            field="region",
        )
    return known


def country_of(number: str) -> str | None:
    """Return the two letters of a number's country; None where the library cannot tell.

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
    if region is None:  # a range that the library does not know: the plan's main country
        region = library.region_code_for_country_code(read.country_code)
    return region if len(region) == 2 and region.isalpha() and region != "ZZ" else None


def judge(number: str, region: str | None) -> str | Refusal:
    """Return a number's digits, country code first, or why it cannot be texted.

    A number with + or 00 must be possible: its length fits its country's numbering plan, which also
    holds for ranges that the library does not know yet. One without must be valid, since any digits
    (a date, an IP address, a UK landline without its 0) would otherwise be some country's number.

    Arguments:
        number: digits, perhaps with + or 00 before them.
        region: the country that digits alone belong to; None where they begin with a country code.

    Raises:
        ConfigurationError: the library is not installed.
    """
    library: Any = require()
    plus = number.startswith(("+", "00"))
    international = "+" + number.removeprefix("+").removeprefix("00")
    if plus or region is None:
        spellings = [international]
    elif number.startswith(str(library.country_code_for_region(region))):
        # A German number of 49... is hardly ever a national one that lost its 0.
        spellings = [international, number]
    else:  # bare digits are national first, as they are written in the US or in Denmark
        spellings = [number, international]
    possible = library.ValidationResult.IS_POSSIBLE
    for spelling in spellings:
        try:
            read = library.parse(spelling, region)
        except library.NumberParseException:
            continue  # the other spelling may be one
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
