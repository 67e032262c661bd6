"""What recipients cost, in one place: `estimate`, `max_credits` and `require_balance` go by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from smsworks_async import _international
from smsworks_async.bulk.gateway import Provider
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import ABROAD
from smsworks_async.bulk.recipients import Kind
from smsworks_async.errors import ConfigurationError, InvalidMessage, NotFound, ValidationError
from smsworks_async.models.incoming import CountryCost


T = TypeVar("T")

#: Asks the API for the cost of a text in a country.
Cost = Callable[..., Awaitable[CountryCost]]

#: The country of numbers of which nobody can tell one.
UNKNOWN: Final = ""

# Prices are binary fractions: three times 1.1 is a little more than 3.3.
_ROUNDING: Final = 1e-6


class Prices:
    """The prices of one run: each country's is asked for once, when it is first needed.

    Args:
        cost: asks the API for the cost of a text in a country.
    """

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._known: dict[str, float] = {}
        self._doubled: set[str] = set()

    @staticmethod
    def country(number: str) -> str:
        """Return the two letters of a number's country; `UNKNOWN` where nobody can tell."""
        try:
            return _international.country_of(number) or UNKNOWN
        except ConfigurationError:  # a campaign of a machine that has the library
            return UNKNOWN

    async def of(self, country: str) -> float:
        """Return the credits of one text in a country; double where its price is not known.

        Raises:
            APIError: the API refused to tell the price, for another reason than that it knows none.
        """
        if country not in self._known:
            price = 0.0 if country == UNKNOWN else await self._ask(country)
            if price <= 0:
                self._doubled.add(country)
                price = ABROAD
            self._known[country] = price
        return self._known[country]

    async def _ask(self, country: str) -> float:
        try:
            return (await self._cost(country=country)).credits
        except (InvalidMessage, NotFound):
            return 0.0

    async def credits(self, kind: Kind[T], items: Sequence[T]) -> float:
        """Return what items outside the UK cost.

        Raises:
            APIError: the API refused to tell a price.
        """
        by_country: dict[str, list[T]] = {}
        for item in items:
            by_country.setdefault(self.country(kind.destination(item)), []).append(item)
        return sum(
            [
                kind.credits(by_country[country], abroad=False) * await self.of(country)
                for country in sorted(by_country)
            ]
        )

    @property
    def caveat(self) -> str:
        """Words for an error: what counts double since its price is not known; perhaps none."""
        words = ""
        if countries := ", ".join(sorted(self._doubled - {UNKNOWN})):
            words = f" (texts to {countries} count double, since the API tells no price for them)"
        if UNKNOWN in self._doubled:
            words += " (numbers whose country is not known count double)"
        return words

    def too_dear(self, credits: float, field: str, limit: str) -> ValidationError:
        """Return the error of a run that would cost more than it may, before its first request."""
        return ValidationError(
            f"this would cost about {shown(credits)} credits{self.caveat}, and {limit}; nothing "
            "was sent",
            field=field,
        )


async def check_limits(
    options: Options, prices: Prices, provider: Provider, *, total: float, rest: float
) -> None:
    """Check what a run costs against its limits.

    Args:
        options: the run's, with its limits.
        prices: by which the costs were computed.
        provider: tells the balance, where it is to suffice.
        total: credits of all of it.
        rest: credits of what is still to be sent.

    Raises:
        ValidationError: it costs more than it may.
        APIError: the API refused to tell the balance.
    """
    limit = options.max_credits
    if limit is not None and exceeds(total, limit):
        raise prices.too_dear(total, "max_credits", f"max_credits is {shown(limit)}")
    if options.require_balance:
        balance = await provider.balance()
        if exceeds(rest, balance):
            raise prices.too_dear(rest, "require_balance", f"the balance is {shown(balance)}")


def exceeds(credits: float, limit: float) -> bool:
    """Return whether credits are more than a limit, by more than sums of fractions are off."""
    return credits - limit > _ROUNDING


def shown(credits: float) -> str:
    """Return credits for an error: without the digits that sums of fractions add."""
    return f"{credits:.10g}"
