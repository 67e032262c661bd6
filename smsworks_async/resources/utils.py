"""The API's utilities: check a token, and show samples of errors."""

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
    """The API's utilities."""

    async def test(self) -> str:
        """Return the customer id of the token, as the API writes it.

        Raises:
            NotAuthenticated: the token is not valid.
        """
        return (await self._requester.request(_TEST, into=_Test)).message

    async def error(self, code: int) -> ErrorSample:
        """Return the API's sample of one of its errors, without raising it.

        Args:
            code: the error code, such as 4021; at least 0.

        Raises:
            ValidationError: the code is not an integer.
        """
        number = checks.integer(code, "code", at_least=0)
        return await self._requester.request(_ERROR, into=ErrorSample, identifier=str(number))
