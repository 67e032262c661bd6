"""Tokens, from a customer id, a key and a secret."""

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
        """Exchange a customer id, key and secret for a token, which does not expire by itself.

        A client that was given them logs in by itself; this is for keeping the token. Pass all
        three, or none of them.

        Args:
            customer_id: the account's customer id; the client's own by default.
            key: the API key; the client's own by default.
            secret: the API secret; the client's own by default.

        Returns:
            The token, with the prefix ``JWT``.

        Raises:
            ConfigurationError: neither this call nor the client has them.
            NotAuthenticated: they are not valid.
        """
        credentials = self._requester.settings.credentials
        if credentials is None or customer_id is not None or key is not None or secret is not None:
            credentials = Credentials(customer_id, key, secret)  # type: ignore[arg-type] # it checks
        return parse_token(await self._requester.log_in(credentials))
