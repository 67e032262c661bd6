"""What can go wrong, and the table of the API's error codes.

::

    SMSWorksError
    ├── ConfigurationError     a missing token, a bad base URL, a missing extra
    ├── ValidationError        refused here, before the wire
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
    ├── InvalidWebhook         what was posted is no delivery report and no incoming message
    └── BulkInterrupted        the caller's own code stopped a bulk run

All of them pickle. Their ``args`` hold plain JSON values, and ``cls(*args)`` rebuilds them: result
back ends that store exceptions as JSON, as Celery's do, give back the same class and fields.
None of them carries a token, a text or a whole phone number.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

import attrs


if TYPE_CHECKING:
    from collections.abc import Mapping

    from smsworks_async.models.report import BulkReport


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
    changes state when repeated, and True for reads, cancellations and deletions.

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


class InvalidWebhook(SMSWorksError):
    """What was posted is no delivery report and no incoming message; it says why, not what."""


class BulkInterrupted(SMSWorksError):
    """The caller's own code raised during a bulk run; its exception is this one's ``__cause__``.

    Chunks in flight were waited for, and nothing more was started. Repeating the whole call would
    text again whoever was accepted, so ``safe_to_repeat`` is False.

    Attributes:
        report: what became of every recipient that was read. One that is rebuilt from ``args``
            has the counts alone: the rest names recipients.
    """

    safe_to_repeat = False

    def __init__(self, message: str, report: BulkReport | Mapping[str, Any] | None = None) -> None:
        from smsworks_async.models.report import BulkReport  # which imports this module

        if not isinstance(report, BulkReport):
            report = BulkReport(**report or {})
        super().__init__(message, report.totals())
        self.report = report


class Doom(enum.StrEnum):
    """Who else would meet the same refusal, so that a bulk run need not ask again."""

    NOBODY = "nobody"
    TEXT = "whoever gets the same text"
    ACCOUNT = "everybody"
    ABROAD = "everybody outside the UK"
    WHEN_REPEATED = "everybody, if it comes twice in a row"


@attrs.frozen
class ErrorCode:
    """One of the API's error codes.

    Attributes:
        code: the number, as in the API's ``errorCode``.
        http_status: the HTTP status it arrives with. The 50xx codes arrive with 400.
        permanent: whether the same request would fail again.
        meaning: what happened.
        advice: what to do about it, or an empty string.
        error: the exception that stands for it.
        dooms: whom it dooms in a bulk run beside the chunk that met it.
    """

    code: int
    http_status: int
    permanent: bool
    meaning: str
    advice: str = ""
    error: type[APIError] = InvalidMessage
    dooms: Doom = Doom.NOBODY


def _table(*rows: ErrorCode) -> Mapping[int, ErrorCode]:
    return {row.code: row for row in rows}


#: Every code of the provider's developer guide (*Error codes*), by number.
CODES: Final[Mapping[int, ErrorCode]] = _table(
    ErrorCode(4001, 400, True, "The text is empty.", "write 1 to 1280 characters", dooms=Doom.TEXT),
    ErrorCode(4002, 400, True, "The text is too long.", "stay within 1280", dooms=Doom.TEXT),
    ErrorCode(
        4003,
        400,
        True,
        "The sender ID has the wrong length.",
        "use 3 to 11 letters and digits, or 3 to 15 digits",
        dooms=Doom.TEXT,
    ),
    ErrorCode(4004, 400, True, "The destination is not a number that can be texted."),
    ErrorCode(4005, 400, True, "The tag is too long.", "stay within 280", dooms=Doom.TEXT),
    ErrorCode(4006, 400, True, "The text contains profanity.", dooms=Doom.TEXT),
    ErrorCode(
        4007,
        400,
        True,
        "The text contains blocked terms, and the account has been disabled.",
        "contact the provider",
        dooms=Doom.ACCOUNT,
    ),
    ErrorCode(4008, 400, True, "There is no message with this id.", error=NotFound),
    ErrorCode(
        4009,
        400,
        True,
        "The date is not valid, or lies in the past.",
        "schedule for a moment still to come",
        dooms=Doom.TEXT,
    ),
    ErrorCode(
        4011,
        401,
        True,
        "The token, or the key and secret, are not valid.",
        "check the token, or the key and secret; a new key ends every older token",
        NotAuthenticated,
        dooms=Doom.ACCOUNT,
    ),
    ErrorCode(
        4021,
        402,
        True,
        "The account has too little credit.",
        "buy credits, then send what was not sent",
        InsufficientCredit,
        dooms=Doom.ACCOUNT,
    ),
    ErrorCode(
        4031, 403, True, "The account may not do this.", error=NotAuthorised, dooms=Doom.ACCOUNT
    ),
    ErrorCode(
        4032, 403, True, "There is no such account.", error=NotAuthorised, dooms=Doom.ACCOUNT
    ),
    ErrorCode(
        4033,
        403,
        True,
        "The account is disabled.",
        "contact the provider",
        NotAuthorised,
        dooms=Doom.ACCOUNT,
    ),
    ErrorCode(
        4034,
        403,
        True,
        "The account is not enabled for numbers outside the UK.",
        "ask the provider to enable them",
        NotAuthorised,
        Doom.ABROAD,
    ),
    ErrorCode(
        5001, 400, True, "The number does not exist or is assigned to nobody.", error=ServiceError
    ),
    ErrorCode(
        5002,
        400,
        True,
        "The service's database failed.",
        error=ServiceError,
        dooms=Doom.WHEN_REPEATED,
    ),
    ErrorCode(5004, 400, True, "The operator rejected the message.", error=ServiceError),
    ErrorCode(
        5006,
        400,
        False,
        "The handset did not respond: switched off, or no signal.",
        error=ServiceError,
    ),
    ErrorCode(5008, 400, False, "The handset may not roam.", error=ServiceError),
    ErrorCode(5009, 400, True, "The operator could not deliver the message.", error=ServiceError),
    ErrorCode(5010, 400, True, "The number is blocked for service messages.", error=ServiceError),
    ErrorCode(5011, 400, True, "The operator has suspended the subscriber.", error=ServiceError),
    ErrorCode(5013, 400, False, "The handset is set not to be disturbed.", error=ServiceError),
    ErrorCode(5015, 400, False, "The message expired before it was delivered.", error=ServiceError),
    ErrorCode(
        5020,
        400,
        True,
        "The flooding filter refused the message.",
        "one number takes 20 messages an hour, 6 of them identical",
        FloodingRefused,
    ),
    ErrorCode(5034, 400, False, "The handset's system failed.", error=ServiceError),
)

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
    """Choose the exception for an answer: by the API's code first, by the HTTP status second."""
    if code is not None:
        if (known := CODES.get(code)) is not None:
            return known.error
        if 5000 <= code <= 5099:
            return ServiceError
    if status >= 500:
        return ServiceError
    return _BY_STATUS.get(status, APIError)


def is_permanent(status: int, code: int | None, flag: bool | None) -> bool:
    """Say whether a refusal would come again: by the API's flag, the table, or the status."""
    if flag is not None:
        return flag
    if code is not None and (known := CODES.get(code)) is not None:
        return known.permanent
    return status < 500 and status not in _PASSING_4XX
