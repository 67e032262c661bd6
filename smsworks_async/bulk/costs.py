"""What recipients cost: `estimate`, `max_credits` and `require_balance` use the same prices."""

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

#: Asks the API for the cost of a text in a country.
Cost = Callable[..., Awaitable[CountryCost]]

#: The country of numbers whose country is not known.
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
        """Return the two letters of a number's country; `UNKNOWN` where it is not known."""
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
                price = INTERNATIONAL_FACTOR
            self._known[country] = price
        return self._known[country]

    async def _ask(self, country: str) -> float:
        try:
            return (await self._cost(country=country)).credits
        except (InvalidMessage, NotFound):
            return 0.0

    async def of_chunk(self, payload: Payload[T], chunk: Chunk[T]) -> float:
        """Return the credits that a chunk costs at today's prices.

        A plan counts numbers outside the UK double.

        Raises:
            APIError: the API refused to tell a price.
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
        """A note for an error message on what counts double; empty if nothing does."""
        words = ""
        if countries := ", ".join(sorted(self._doubled - {UNKNOWN})):
            words = f" (texts to {countries} count double, since the API tells no price for them)"
        if UNKNOWN in self._doubled:
            words += " (numbers whose country is not known count double)"
        return words


class Account(Protocol):
    """What the cost limits ask of the provider."""

    async def balance(self) -> float:
        """Return the account's credits."""
        ...

    @property
    def cost(self) -> Cost:
        """Asks for the cost of a text in a country."""
        ...


class CostLimits:
    """The limits of a run: all of it is checked where the total is known, otherwise each chunk.

    Args:
        options: the run's options.
        account: tells prices and the balance.
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
            total: credits of all of it.
            rest: credits of what is still to be sent.

        Raises:
            ValidationError: it costs more than it may; nothing was sent.
            APIError: the API refused to tell the balance.
        """
        limit = self._max_credits
        if limit is not None and exceeds(total, limit):
            raise self._too_dear(total, "max_credits", f"max_credits is {_shown(limit)}")
        if self._require_balance:
            balance = await self._account.balance()
            if exceeds(rest, balance):
                raise self._too_dear(rest, "require_balance", f"the balance is {_shown(balance)}")

    async def count(self, payload: Payload[T], chunk: Chunk[T]) -> SMSWorksError | None:
        """Add a chunk to the run's cost, or return why it may not be sent."""
        limit = self._max_credits
        if limit is None:
            return None
        try:
            credits = await self.prices.of_chunk(payload, chunk)
        except SMSWorksError as error:  # nobody knows whether it stays within the limit
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
    """Return whether credits are more than a limit, by more than sums of fractions are off."""
    return credits - limit > _ROUNDING


def _shown(credits: float) -> str:
    """Return credits for an error: without the digits that sums of fractions add."""
    return f"{credits:.10g}"
