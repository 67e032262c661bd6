"""The package's exceptions, and the API's error codes (`CODES`).

::

    SMSWorksError
    ├── ConfigurationError     a missing token, a bad base URL, a missing extra
    ├── ValidationError        refused here, before the wire
    │   └── OptedOut               a recipient has opted out
    ├── APIError               the API said no
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
    ├── StillInFlight          what was waited for has not come to its end yet
    ├── KeyInUse               another call with this idempotency key is still being made
    ├── InvalidWebhook         what was posted is no delivery report and no incoming message
    └── BulkInterrupted        the caller's own code stopped a bulk run; defined beside `BulkReport`

All of them pickle. Their ``args`` hold plain JSON values, and ``cls(*args)`` rebuilds them: result
back ends that store exceptions as JSON, as Celery's do, give back the same class and fields.
None of them carries a token, a text or a whole phone number.
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
    """Base class of what this package raises on purpose.

    Attributes:
        safe_to_repeat: whether making the same call again cannot text anyone twice.
        retryable: whether the call is safe to repeat and may succeed the next time although nobody
            changes anything: what a task queue should go by.
    """

    safe_to_repeat: bool = True

    @property
    def retryable(self) -> bool:
        """Return whether repeating the same call is safe and may help; False here."""
        return False

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Not `cls(*args)`: a subclass of the caller's may take other arguments, and what has been
        # changed or added since, a note for one, is kept as well.
        return _rebuild, (type(self), self.args, self.__dict__)


class ConfigurationError(SMSWorksError):
    """The client cannot work as it was set up: a missing token, a bad base URL, a missing extra."""


class ValidationError(SMSWorksError):
    """Refused here, before anything was sent.

    Attributes:
        field: the argument that is wrong, such as ``"destination"``.
        code: the API's own code for this, or None where it has none.
    """

    def __init__(self, message: str, field: str = "", code: int | None = None) -> None:
        super().__init__(message, field, code)
        self.field = field
        self.code = code


class OptedOut(ValidationError):
    """A recipient has opted out, and the call was told to respect that; nothing was sent.

    Attributes:
        field: ``"destination"``; ``"destinations"`` or ``"messages"`` of a batch.
        code: None.
        positions: where those who have opted out stand in a batch, counted from 0; empty for a
            single message.
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
    """The API said no. Nothing was accepted, so that repeating the call cannot text anyone twice.

    Attributes:
        status: the HTTP status.
        code: the API's ``errorCode``, or None where it sent none; see
            `smsworks_async.errors.CODES`.
        message: what the API said, shortened, with numbers masked.
        permanent: whether the same call would be refused again.
        retry_after: seconds that the API asked to wait, or None.
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
        """Return whether the refusal is temporary."""
        return not self.permanent

    def __str__(self) -> str:
        number = f"HTTP {self.status}" if self.code is None else f"code {self.code}"
        known = CODES.get(self.code) if self.code is not None else None
        advice = f" ({known.advice})" if known and known.advice else ""
        return f"{self.message} [{number}]{advice}"


class InvalidMessage(APIError):
    """The API refused the request's contents (HTTP 400)."""


class NotAuthenticated(APIError):
    """The token, or the key and secret, are not valid (HTTP 401)."""


class InsufficientCredit(APIError):
    """The account has too little credit (HTTP 402)."""


class NotAuthorised(APIError):
    """The account may not do this, or is disabled (HTTP 403)."""


class NotFound(APIError):
    """There is no such message, batch or passcode (HTTP 404, or code 4008)."""


class RateLimited(APIError):
    """Too many requests (HTTP 429)."""


class FloodingRefused(APIError):
    """The flooding filter refused this recipient (code 5020): one number, not the account."""


class ServiceError(APIError):
    """The service could not do it: the other 50xx codes, and on a read any HTTP 5xx.

    A send that is answered by a 5xx without the API's own code is `OutcomeUnknown` instead.
    """


class NotSent(SMSWorksError):
    """No byte of the request left this machine, so that it can be made again."""

    @property
    def retryable(self) -> bool:
        """Return True: the network, or whatever else failed, may be back."""
        return True


class OutcomeUnknown(SMSWorksError):
    """The request left, and no usable answer came: it may have been accepted.

    A refusal that carries the id of a message or of a batch is no usable answer either. A send is
    never repeated for you after this. ``safe_to_repeat`` is False for whatever costs money or
    changes state when repeated, and True for reads, cancellations and deletions. It is True as well
    for the same call with the same idempotency key, which looks for the message before all else.

    Attributes:
        operation: the request in question, such as ``"POST /message/send"``.
        safe_to_repeat: see above.
        message_id: the id of a message that a refusal carried all the same, or None. Read that
            message with ``messages.get`` before you send again.
        batch_id: likewise of a batch; read it with ``batches.get``.
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
        """Return whether the call is safe to repeat: the failure itself is a passing one."""
        return self.safe_to_repeat


class JournalError(SMSWorksError):
    """A journal cannot be read or written: full, read-only, damaged, locked, or of a newer version.

    What the journal had not taken down was not sent, and what had been sent without its end being
    taken down is in doubt there; so running the campaign again cannot text anyone twice.

    Attributes:
        temporary: whether another process holds the journal, so that a later call may succeed.
    """

    def __init__(self, message: str, temporary: bool = False) -> None:
        super().__init__(message, temporary)
        self.temporary = temporary

    @property
    def retryable(self) -> bool:
        """Return whether another process holds the journal: it lets go of it when it ends."""
        return self.temporary


class StillInFlight(SMSWorksError):
    """What was waited for was not final when the time was over; it may be any moment.

    Attributes:
        message_id: the message's id; None where a campaign was followed.
        status: the last status that was seen, such as ``"SENT"``, or None if there was none.
    """

    def __init__(
        self, message: str, message_id: str | None = None, status: str | None = None
    ) -> None:
        super().__init__(message, message_id, status)
        self.message_id = message_id
        self.status = status

    @property
    def retryable(self) -> bool:
        """Return True: waiting again may see the end."""
        return True


class KeyInUse(SMSWorksError):
    """Another call with this idempotency key is being made, and did not end in this one's time.

    This call sent nothing. Made again with the same key, it returns the other one's answer.
    """

    @property
    def retryable(self) -> bool:
        """Return True: the other call ends, or its lease does."""
        return True


class InvalidWebhook(SMSWorksError):
    """What was posted is no delivery report and no incoming message; it says why, not what."""


#: The codes whose exception is not that of their HTTP status, nor `ServiceError`.
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

# RFC 9110: the statuses among 4xx that speak of the moment, not of the request.
_PASSING_4XX: Final = frozenset({408, 425, 429})


def api_error_class(status: int, code: int | None) -> type[APIError]:
    """Return the exception for an answer: by the API's code first, by the HTTP status second."""
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
    """Return whether a refusal would come again: by the API's flag, the table, or the status."""
    if flag is not None:
        return flag
    if code is not None and (known := CODES.get(code)) is not None:
        return known.permanent
    return status < 500 and status not in _PASSING_4XX
