"""Who may call: customer id, key, secret, and the one token that is in force."""

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
    """Return a JSON Web Token with its `JWT ` prefix, the same for the same arguments."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": customer_id, "key": key, "jti": number})
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{PREFIX}{signed}.{_encoded(signature)}"


@attrs.define
class Credentials:
    """What the account's holder was given.

    Attributes:
        token: the one in force, as a rule with its `JWT ` prefix.
        salt: tells this sandbox's tokens from those of all others.
        generation: counts the tokens before this one.
    """

    customer_id: str
    key: str
    secret: str
    token: str
    salt: str
    generation: int = 0

    def log_in(self, fields: dict[str, Any]) -> str:
        """Return the token in force.

        Raises:
            Refusal: 4011, for any other id, key and secret.
        """
        given = (fields.get("customerid", self.customer_id), fields.get("key"))
        if (*given, fields.get("secret")) != (self.customer_id, self.key, self.secret):
            raise refusal(4011)
        return self.token

    def holds(self, header: str | None) -> bool:
        """Return whether a header is the token in force, with `JWT ` in any case, or without it."""
        return hmac.compare_digest(_bare(header or ""), _bare(self.token))

    def authorise(self, header: str | None) -> None:
        """Refuse whatever is not the token in force, with 4011."""
        if not self.holds(header):
            raise refusal(4011)

    def rotate(self) -> str:
        """Put a new token in force, and every older one out of it."""
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
