"""The API's own aids: whether a token is good, and what an error looks like."""

from __future__ import annotations

from typing import Final

import attrs

from smsworks_async._http.operations import Operation
from smsworks_async.models import checks
from smsworks_async.models.incoming import ErrorSample
from smsworks_async.resources._base import Resource


_TEST: Final = Operation("GET", "/utils/test", repeatable=True)
_ERROR: Final = Operation("GET", "/utils/errors/{}", repeatable=True, answers_errors=True)


@attrs.frozen(eq=False, repr=False)
class _Test:
    message: str


class AsyncUtils(Resource):
    """The API's own aids."""

    async def test(self) -> str:
        """Return the customer id that the token belongs to, in the API's words.

        Raises:
            NotAuthenticated: the token is not valid.
        """
        return (await self._requester.request(_TEST, into=_Test)).message

    async def error(self, code: int) -> ErrorSample:
        """Return the API's sample of one of its errors, which is not raised.

        Args:
            code: the error's code, such as 4021; 0 or more.

        Raises:
            ValidationError: the code is no whole number.
        """
        number = checks.integer(code, "code", at_least=0)
        return await self._requester.request(_ERROR, into=ErrorSample, identifier=str(number))
