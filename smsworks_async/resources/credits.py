"""The account's credits."""

from __future__ import annotations

from typing import Final

import attrs

from smsworks_async.answers import Operation
from smsworks_async.resources._base import Resource


_BALANCE: Final = Operation("GET", "/credits/balance", repeatable=True)


@attrs.frozen(eq=False, repr=False)
class _Balance:
    credits: float


class AsyncCredits(Resource):
    """The account's credits."""

    async def balance(self) -> float:
        """Return the credits that are left; negative where an overdraft is used.

        Raises:
            APIError: the API refused.
        """
        return (await self._calls.make(_BALANCE, into=_Balance)).credits
