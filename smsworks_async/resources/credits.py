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
        """Return the remaining credits; negative if the account is overdrawn.

        Raises:
            APIError: the API rejected the request.
        """
        return (await self._requester.request(_BALANCE, into=_Balance)).credits

    async def cost(self, *, country: str) -> CountryCost:
        """Return the cost of a text to a country.

        It needs version 1.11.0 of the API.

        Args:
            country: the country's two letters in ISO 3166, such as ``"FR"``, in any case.

        Raises:
            ValidationError: `country` is not two letters; no request was made.
            NotFound: the API does not know the country, or lacks this operation.
            APIError: the API rejected the request.
        """
        code = checks.country(country)
        return await self._requester.request(_COST, into=CountryCost, identifier=code)
