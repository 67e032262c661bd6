"""Who may call: customer id, key, secret, and the one token that is in force."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import attrs

from .codes import refusal


PREFIX = "JWT "


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def make_token(customer_id: str, key: str, secret: str, generation: int) -> str:
    """Return a JSON Web Token with its `JWT ` prefix, the same for the same arguments."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": customer_id, "key": key, "jti": generation})
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)
    return f"{PREFIX}{signed}.{_encoded(signature)}"


@attrs.define
class Credentials:
    """What the account's holder was given; `generation` counts the tokens before this one."""

    customer_id: str
    key: str
    secret: str
    token: str
    generation: int = 0

    def log_in(self, fields: dict[str, Any]) -> str:
        """Return the token in force.

        Raises:
            Refusal: 4011, for any other id, key and secret.
        """
        given = (fields["customerid"], fields["key"], fields["secret"])
        if given != (self.customer_id, self.key, self.secret):
            raise refusal(4011)
        return self.token

    def authorise(self, header: str | None) -> None:
        """Refuse with 4011 whatever is not the token as it stands, `JWT ` and all."""
        if header != self.token:
            raise refusal(4011)

    def rotate(self) -> str:
        """Put a new token in force, and every older one out of it."""
        self.generation += 1
        self.token = make_token(self.customer_id, self.key, self.secret, self.generation)
        return self.token
