"""The account's credentials: customer id, key, secret, and the valid token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

import attrs

from .codes import refusal


PREFIX = "JWT "


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def make_token(customer_id: str, key: str, secret: str, number: str) -> str:
    """Return a JSON Web Token with the prefix `JWT `; equal arguments give equal tokens."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": customer_id, "key": key, "jti": number})
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{PREFIX}{signed}.{_encoded(signature)}"


@attrs.define
class Credentials:
    """The credentials of the account.

    Attributes:
        customer_id: the customer id.
        key: the API key.
        secret: the API secret.
        token: the valid token, usually with the prefix `JWT `.
        salt: a value that makes this sandbox's tokens different from those of others.
        generation: the number of earlier tokens.
    """

    customer_id: str
    key: str
    secret: str
    token: str
    salt: str
    generation: int = 0

    def log_in(self, fields: dict[str, Any]) -> str:
        """Check a customer id, key and secret, and return the valid token.

        Raises:
            Refusal: 4011 if one of them is wrong.
        """
        given = (fields.get("customerid", self.customer_id), fields.get("key"))
        if (*given, fields.get("secret")) != (self.customer_id, self.key, self.secret):
            raise refusal(4011)
        return self.token

    def holds(self, header: str | None) -> bool:
        """Return whether a header has the valid token; the prefix `JWT ` is optional."""
        return hmac.compare_digest(_bare(header or ""), _bare(self.token))

    def authorise(self, header: str | None) -> None:
        """Check that a header has the valid token.

        Raises:
            Refusal: 4011 if it does not.
        """
        if not self.holds(header):
            raise refusal(4011)

    def rotate(self) -> str:
        """Make a new token, which invalidates the previous one, and return it."""
        self.generation += 1
        number = f"{self.salt}-{self.generation}"
        self.token = make_token(self.customer_id, self.key, self.secret, number)
        return self.token


@lru_cache(maxsize=16)
def _bare(token: str) -> bytes:
    token = token.strip()
    if token[: len(PREFIX)].upper() == PREFIX:
        token = token[len(PREFIX) :].strip()
    return token.encode("utf-8", "surrogateescape")
