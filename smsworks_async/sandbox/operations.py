"""The table of the API's operations: method, path, handler, status, schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from . import handlers
from .codes import complaint
from .schemas import BATCH, BINARY, LOGIN, MESSAGE, OTP, QUERY, VERIFY, Schema


if TYPE_CHECKING:
    from collections.abc import Callable

    from .handlers import Request
    from .state import State


@attrs.frozen
class Operation:
    """One operation of the API.

    Attributes:
        method: the HTTP method.
        path: the path below `/v1`; `{name}` stands for one segment.
        handle: the handler.
        status: the HTTP status of a successful response (default 200).
        schema: the fields of the body; None without a body.
        open: whether it can be called without a token (default False).
        has_ids: whether a request's path differs from `path` by its ids.
    """

    method: str
    path: str
    handle: Callable[[State, Request], Any]
    status: int = 200
    schema: Schema | None = None
    open: bool = False
    has_ids: bool = attrs.field(
        init=False, default=attrs.Factory(lambda operation: "{" in operation.path, takes_self=True)
    )

    def serves(self, path: str) -> bool:
        """Return whether a path, with any ids, is that of this operation."""
        return re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", self.path), path) is not None


OPERATIONS = (
    Operation("POST", "/auth/token", handlers.log_in, schema=LOGIN, open=True),
    Operation("POST", "/message/send", handlers.send, 201, MESSAGE),
    Operation("POST", "/message/flash", handlers.send_flash, 201, MESSAGE),
    Operation("POST", "/binary/send", handlers.send_binary, 201, BINARY),
    Operation("POST", "/message/schedule", handlers.schedule, schema=MESSAGE),
    Operation("POST", "/messages", handlers.search, schema=QUERY),
    Operation("POST", "/messages/inbox", handlers.inbox, schema=QUERY),
    Operation("POST", "/messages/failed", handlers.failed, schema=QUERY),
    Operation("GET", "/messages/schedule", handlers.scheduled),
    Operation("DELETE", "/messages/schedule/{messageid}", handlers.cancel),
    Operation("GET", "/messages/volume", handlers.volume),
    Operation("GET", "/messages/{messageid}", handlers.get_message),
    Operation("DELETE", "/messages/{messageid}", handlers.delete_message),
    Operation("POST", "/batch/send", handlers.send_batch, 201, BATCH),
    Operation("POST", "/batch/any", handlers.send_unique, 201, MESSAGE),
    Operation("POST", "/batch/schedule", handlers.schedule_batch, 201, BATCH),
    Operation("GET", "/batch/{batchid}", handlers.get_batch),
    Operation("DELETE", "/batches/schedule/{batchid}", handlers.cancel_batch),
    Operation("POST", "/otp/send", handlers.send_otp, 201, OTP),
    Operation("POST", "/otp/verify", handlers.verify_otp, schema=VERIFY),
    Operation("GET", "/otp/{messageid}", handlers.get_otp),
    Operation("GET", "/credits/balance", handlers.balance),
    Operation("GET", "/credits/{countrycode}", handlers.cost),
    Operation("GET", "/utils/test", handlers.customer),
    Operation("GET", "/utils/errors/{errorcode}", handlers.sample_error),
)


def methods_of(path: str) -> list[str]:
    """Return the methods of a path below `/v1`, sorted; an empty list if it is unknown."""
    return sorted({operation.method for operation in OPERATIONS if operation.serves(path)})


def _refuse_path(_state: State, request: Request) -> Any:
    allowed = methods_of("/" + request.path["path"].rstrip("/"))
    if allowed:
        raise complaint("This path has no such method.", 405, Allow=", ".join(allowed))
    raise complaint("There is no such path; check the method and the path.", 404)


#: The operation for all paths and methods that the API does not have.
UNKNOWN = Operation("*", "/{path}", _refuse_path)
