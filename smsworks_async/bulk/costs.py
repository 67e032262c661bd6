"""The cost of recipients, for `estimate`, `max_credits` and `require_balance`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from smsworks_async import _international
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.options import Options
from smsworks_async.bulk.payloads import INTERNATIONAL_FACTOR
from smsworks_async.errors import (
    ConfigurationError,
    InvalidMessage,
    NotFound,
    SMSWorksError,
    ValidationError,
)
from smsworks_async.models.incoming import CountryCost


T = TypeVar("T")

#: Reads the cost of a text in a country from the API.
Cost = Callable[..., Awaitable[CountryCost]]

#: The country of numbers with an unknown country.
UNKNOWN: Final = ""

# Prices are floats: three times 1.1 is slightly more than 3.3.
_ROUNDING: Final = 1e-6


class Prices:
    """The prices of one run. Each country's price is read once, when first needed.

    Args:
        cost: reads the cost of a text in a country from the API.
    """

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._known: dict[str, float] = {}
        self._doubled: set[str] = set()

    @staticmethod
    def country(number: str) -> str:
        """Return the two letters of a number's country, or `UNKNOWN`."""
        try:
            return _international.country_of(number) or UNKNOWN
        except ConfigurationError:  # the campaign was planned on a machine with the library
            return UNKNOWN

    async def of(self, country: str) -> float:
        """Return the credits of one text in a country; double if its price is unknown.

        Raises:
            APIError: the API rejected the request, except for an unknown price.
        """
        if country not in self._known:
            price = 0.0 if country == UNKNOWN else await self._ask(country)
            if price <= 0:
                self._doubled.add(country)
                price = INTERNATIONAL_FACTOR
            self._known[country] = price
        return self._known[country]

    async def _ask(self, country: str) -> float:
        try:
            return (await self._cost(country=country)).credits
        except (InvalidMessage, NotFound):
            return 0.0

    async def of_chunk(self, payload: Payload[T], chunk: Chunk[T]) -> float:
        """Return the cost of a chunk at current prices, in credits.

        (A plan counts numbers outside the UK double.)

        Raises:
            APIError: the API rejected the request for a price.
        """
        if not chunk.international:
            return chunk.credits
        by_country: dict[str, list[T]] = {}
        for item in chunk.items:
            by_country.setdefault(self.country(payload.destination(item)), []).append(item)
        return sum(
            [
                payload.credits(by_country[country], international=False) * await self.of(country)
                for country in sorted(by_country)
            ]
        )

    @property
    def caveat(self) -> str:
        """A note for an error message about what counts double; empty if nothing does."""
        words = ""
        if countries := ", ".join(sorted(self._doubled - {UNKNOWN})):
            words = f" (texts to {countries} count double, since the API has no price for them)"
        if UNKNOWN in self._doubled:
            words += " (numbers with an unknown country count double)"
        return words


class Account(Protocol):
    """The account data that the cost limits need."""

    async def balance(self) -> float:
        """Return the account's credits."""
        ...

    @property
    def cost(self) -> Cost:
        """Return the function that reads the cost of a text in a country."""
        ...


class CostLimits:
    """The cost limits of a run: checked once if the total is known, otherwise for each chunk.

    Args:
        options: the run's options.
        account: provides prices and the balance.
    """

    def __init__(self, options: Options, account: Account) -> None:
        self._max_credits = options.max_credits
        self._account = account
        self._require_balance = options.require_balance
        self.prices = Prices(account.cost)
        self._counted = 0.0

    async def check(self, *, total: float, rest: float) -> None:
        """Check the cost of a whole run before its first request.

        Args:
            total: the credits of the whole run.
            rest: the credits of the unsent rest.

        Raises:
            ValidationError: a limit is exceeded; nothing was sent.
            APIError: the API rejected the request for the balance.
        """
        limit = self._max_credits
        if limit is not None and exceeds(total, limit):
            raise self._too_dear(total, "max_credits", f"max_credits is {_shown(limit)}")
        if self._require_balance:
            balance = await self._account.balance()
            if exceeds(rest, balance):
                raise self._too_dear(rest, "require_balance", f"the balance is {_shown(balance)}")

    async def count(self, payload: Payload[T], chunk: Chunk[T]) -> SMSWorksError | None:
        """Add a chunk to the run's cost, or return the error that forbids sending it."""
        limit = self._max_credits
        if limit is None:
            return None
        try:
            credits = await self.prices.of_chunk(payload, chunk)
        except SMSWorksError as error:  # it is unknown whether the limit would be exceeded
            return error
        if exceeds(self._counted + credits, limit):
            return ValidationError(
                f"max_credits of {_shown(limit)} would have been exceeded{self.prices.caveat}",
                field="max_credits",
            )
        self._counted += credits
        return None

    def _too_dear(self, credits: float, field: str, limit: str) -> ValidationError:
        return ValidationError(
            f"this would cost about {_shown(credits)} credits{self.prices.caveat}, and {limit}; "
            "nothing was sent",
            field=field,
        )


def exceeds(credits: float, limit: float) -> bool:
    """Return whether credits exceed a limit by more than rounding errors."""
    return credits - limit > _ROUNDING


def _shown(credits: float) -> str:
    """Format credits for an error message, without rounding errors."""
    return f"{credits:.10g}"
