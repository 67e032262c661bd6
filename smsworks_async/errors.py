"""The package's exceptions, and the API's error codes (`CODES`).

::

    SMSWorksError
    ├── ConfigurationError     a missing token, a bad base URL, a missing extra
    ├── ValidationError        an argument is invalid; nothing was sent
    │   └── OptedOut               a recipient has opted out
    ├── APIError               the API rejected the request
    │   ├── InvalidMessage         400
    │   ├── NotAuthenticated       401
    │   ├── InsufficientCredit     402
    │   ├── NotAuthorised          403
    │   ├── NotFound               404, code 4008
    │   ├── RateLimited            429
    │   ├── FloodingRefused        code 5020
    │   └── ServiceError           other 50xx codes, 5xx
    ├── NotSent                no byte of the request left this machine
    ├── OutcomeUnknown         it may have been accepted
    ├── JournalError           a journal cannot be read or written
    ├── StillInFlight          no final status within the time-out
    ├── KeyInUse               another call with this idempotency key is in progress
    ├── InvalidWebhook         the posted body is neither a delivery report nor an incoming message
    └── BulkInterrupted        the caller's code stopped a bulk run; defined beside `BulkReport`

All of them can be pickled. Their ``args`` hold plain JSON values, and ``cls(*args)`` rebuilds them,
so result back ends that store exceptions as JSON, such as Celery's, restore the same class and
fields. None of them contains a token, a text or a whole phone number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from smsworks_async._error_codes import CODES, ErrorCode, RejectionScope


__all__ = [
    "CODES",
    "APIError",
    "ConfigurationError",
    "ErrorCode",
    "FloodingRefused",
    "InsufficientCredit",
    "InvalidMessage",
    "InvalidWebhook",
    "JournalError",
    "KeyInUse",
    "NotAuthenticated",
    "NotAuthorised",
    "NotFound",
    "NotSent",
    "OptedOut",
    "OutcomeUnknown",
    "RateLimited",
    "RejectionScope",
    "SMSWorksError",
    "ServiceError",
    "StillInFlight",
    "ValidationError",
    "api_error_class",
    "is_permanent",
]


def _rebuild(cls: type[SMSWorksError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class SMSWorksError(Exception):
    """Base class of this package's exceptions.

    Attributes:
        safe_to_repeat: whether making the same call again cannot text anyone twice.
        retryable: whether the call is safe to repeat and may succeed next time without any change;
            use it to decide whether a task queue retries.
    """

    safe_to_repeat: bool = True

    @property
    def retryable(self) -> bool:
        """Return whether repeating the same call is safe and may succeed; False here."""
        return False

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Not `cls(*args)`: a caller's subclass may take other arguments, and attributes that were
        # changed or added later, such as notes, must survive.
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(SMSWorksError):
    """The client's configuration is invalid: a missing token, a bad base URL, a missing extra."""


class ValidationError(SMSWorksError):
    """An argument is invalid. Nothing was sent.

    Attributes:
        field: the invalid argument, such as ``"destination"``.
        code: the API's error code for this problem, or None if it has none.
    """

    def __init__(self, message: str, field: str = "", code: int | None = None) -> None:
        super().__init__(message, field, code)
        self.field = field
        self.code = code


class OptedOut(ValidationError):
    """A recipient has opted out, and the call respects opt-outs. Nothing was sent.

    Attributes:
        field: ``"destination"``; ``"destinations"`` or ``"messages"`` for a batch.
        code: None.
        positions: the indices of the opted-out recipients in a batch, from 0; empty for a single
            message.
    """

    def __init__(
        self,
        message: str,
        field: str = "",
        code: int | None = None,
        positions: Sequence[int] = (),
    ) -> None:
        super().__init__(message, field, code)
        self.positions = tuple(positions)
        self.args = (message, field, code, list(positions))


class APIError(SMSWorksError):
    """The API rejected the request. Nothing was accepted, so repeating the call cannot send twice.

    Attributes:
        status: the HTTP status.
        code: the API's ``errorCode``, or None if the response had none; see
            `smsworks_async.errors.CODES`.
        message: the API's error message, shortened, with numbers masked.
        permanent: whether the same call would be rejected again.
        retry_after: the seconds to wait before a retry, as the API asked, or None.
    """

    def __init__(
        self,
        message: str,
        status: int = 0,
        code: int | None = None,
        permanent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status, code, permanent, retry_after)
        self.message = message
        self.status = status
        self.code = code
        self.permanent = permanent
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Return whether the rejection is temporary."""
        return not self.permanent

    def __str__(self) -> str:
        number = f"HTTP {self.status}" if self.code is None else f"code {self.code}"
        known = CODES.get(self.code) if self.code is not None else None
        advice = f" ({known.advice})" if known and known.advice else ""
        return f"{self.message} [{number}]{advice}"


class InvalidMessage(APIError):
    """The API rejected the request's contents (HTTP 400)."""


class NotAuthenticated(APIError):
    """The token, or the key and secret, are not valid (HTTP 401)."""


class InsufficientCredit(APIError):
    """The account has too little credit (HTTP 402)."""


class NotAuthorised(APIError):
    """The account is not allowed to do this, or is disabled (HTTP 403)."""


class NotFound(APIError):
    """The message, batch or passcode does not exist (HTTP 404, or code 4008)."""


class RateLimited(APIError):
    """Too many requests (HTTP 429)."""


class FloodingRefused(APIError):
    """The flooding filter refused this recipient (code 5020). Other recipients are not affected."""


class ServiceError(APIError):
    """The service failed: any other 50xx code, or any HTTP 5xx for a read.

    A send with an HTTP 5xx response without an API error code raises `OutcomeUnknown` instead.
    """


class NotSent(SMSWorksError):
    """No byte of the request left this machine, so it is safe to repeat."""

    @property
    def retryable(self) -> bool:
        """Return True: the cause, such as the network, may have recovered."""
        return True


class OutcomeUnknown(SMSWorksError):
    """The request was sent, but no usable response arrived: it may have been accepted.

    A rejection that contains the id of a message or of a batch counts as unusable too. The client
    never repeats a send after this. ``safe_to_repeat`` is False for operations that cost money or
    change state when repeated, and True for reads, cancellations and deletions. It is also True for
    a call with an idempotency key: repeated with that key, it first searches for the message.

    Attributes:
        operation: the request, such as ``"POST /message/send"``.
        safe_to_repeat: see above.
        message_id: the id of a message that the rejection contained, or None. Read that message
            with ``messages.get`` before you send again.
        batch_id: the id of a batch that the rejection contained, or None; read it with
            ``batches.get``.
    """

    safe_to_repeat = False

    def __init__(
        self,
        message: str,
        operation: str = "",
        safe_to_repeat: bool = False,
        message_id: str | None = None,
        batch_id: str | None = None,
    ) -> None:
        super().__init__(message, operation, safe_to_repeat, message_id, batch_id)
        self.operation = operation
        self.safe_to_repeat = safe_to_repeat
        self.message_id = message_id
        self.batch_id = batch_id

    @property
    def retryable(self) -> bool:
        """Return whether the call is safe to repeat; the failure itself is temporary."""
        return self.safe_to_repeat


class JournalError(SMSWorksError):
    """A journal cannot be read or written: full, read-only, damaged, locked, or of a newer version.

    Requests that the journal did not record were not sent, and requests without a recorded outcome
    stay unknown in it, so running the campaign again cannot text anyone twice.

    Attributes:
        temporary: whether another process holds the journal, so that a later call may succeed.
    """

    def __init__(self, message: str, temporary: bool = False) -> None:
        super().__init__(message, temporary)
        self.temporary = temporary

    @property
    def retryable(self) -> bool:
        """Return whether another process holds the journal, which it releases when it ends."""
        return self.temporary


class StillInFlight(SMSWorksError):
    """A message or campaign was not final within the time-out; it may become so later.

    Attributes:
        message_id: the message's id; None for a campaign.
        status: the last known status, such as ``"SENT"``, or None if there was none.
    """

    def __init__(
        self, message: str, message_id: str | None = None, status: str | None = None
    ) -> None:
        super().__init__(message, message_id, status)
        self.message_id = message_id
        self.status = status

    @property
    def retryable(self) -> bool:
        """Return True: waiting again may succeed."""
        return True


class KeyInUse(SMSWorksError):
    """Another call with this idempotency key is in progress, and did not end in this call's time.

    This call sent nothing. If it is repeated with the same key, it returns the other call's result.
    """

    @property
    def retryable(self) -> bool:
        """Return True: the other call, or its lease, will end."""
        return True


class InvalidWebhook(SMSWorksError):
    """The posted body is neither a delivery report nor an incoming message.

    The error message gives the reason, and does not quote the body.
    """


#: The codes whose exception is neither that of their HTTP status nor `ServiceError`.
_BY_CODE: Final[Mapping[int, type[APIError]]] = {4008: NotFound, 5020: FloodingRefused}
_SERVICE_CODES: Final = range(5000, 5100)

_BY_STATUS: Final[Mapping[int, type[APIError]]] = {
    400: InvalidMessage,
    401: NotAuthenticated,
    402: InsufficientCredit,
    403: NotAuthorised,
    404: NotFound,
    429: RateLimited,
}

# The 4xx statuses that are temporary (RFC 9110).
_PASSING_4XX: Final = frozenset({408, 425, 429})


def api_error_class(status: int, code: int | None) -> type[APIError]:
    """Return the exception class for a response, by the API's code, or else the HTTP status."""
    if code is not None:
        if code in _BY_CODE:
            return _BY_CODE[code]
        if code in _SERVICE_CODES:
            return ServiceError
        if (known := CODES.get(code)) is not None:
            status = known.http_status
    if status >= 500:
        return ServiceError
    return _BY_STATUS.get(status, APIError)


def is_permanent(status: int, code: int | None, flag: bool | None) -> bool:
    """Return whether a rejection is permanent, by the API's flag, the table, or the status."""
    if flag is not None:
        return flag
    if code is not None and (known := CODES.get(code)) is not None:
        return known.permanent
    return status < 500 and status not in _PASSING_4XX
