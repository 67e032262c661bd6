"""The account's credits."""

from __future__ import annotations

from typing import Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async.models import checks
from smsworks_async.models.incoming import CountryCost
from smsworks_async.resources._base import Resource


_BALANCE: Final = Operation("GET", "/credits/balance", repeatable=True)


@attrs.frozen(eq=False, repr=False)
class _Balance:
    credits: float


_COST: Final = Operation("GET", "/credits/{}", repeatable=True)


class AsyncCredits(Resource):
    """The account's credits."""

    async def balance(self) -> float:
        """Return the credits that are left; negative where an overdraft is used.

        Raises:
            APIError: the API refused.
        """
        return (await self._requester.request(_BALANCE, into=_Balance)).credits

    async def cost(self, *, country: str) -> CountryCost:
        """Return what a text to a country costs.

        This is part of the API's version 1.11.0.

        Args:
            country: the country's two letters in ISO 3166, such as ``"FR"``, in any case.

        Raises:
            ValidationError: that is no two letters; nothing was asked.
            NotFound: the API knows no such country, or does not have this operation.
            APIError: the API refused.
        """
        code = checks.country(country)
        return await self._requester.request(_COST, into=CountryCost, identifier=code)
