"""Logging in: a token for a customer id, a key and a secret."""

from __future__ import annotations

from smsworks_async._credentials import Credentials, parse_token
from smsworks_async.resources._base import Resource


class AsyncAuth(Resource):
    """Tokens."""

    async def token(
        self,
        *,
        customer_id: str | None = None,
        key: str | None = None,
        secret: str | None = None,
    ) -> str:
        """Exchange a customer id, key and secret for a token, which does not expire.

        A client with these credentials logs in automatically; use this to store the token. Pass all
        three, or none.

        Args:
            customer_id: the account's customer id; default: the client's.
            key: the API key; default: the client's.
            secret: the API secret; default: the client's.

        Returns:
            The token, with the prefix ``JWT``.

        Raises:
            ConfigurationError: neither this call nor the client has credentials.
            NotAuthenticated: they are not valid.
        """
        credentials = self._requester.settings.credentials
        if credentials is None or customer_id is not None or key is not None or secret is not None:
            credentials = Credentials(customer_id, key, secret)  # type: ignore[arg-type] # it checks
        return parse_token(await self._requester.log_in(credentials))
