"""The SMS Works for Python: async first, with a thin blocking facade.

`AsyncSMSWorks` is the awaitable client and `SMSWorks` the blocking one, with the same families of
methods: ``messages``, ``batches``, ``otp``, ``credits``, ``utils``, ``auth`` and ``bulk``. `text`
measures texts, `phone` reads destinations, `smsworks_async.webhooks` takes in what the provider
posts, and `smsworks_async.sandbox` is a local server to run all of it against. Every error is a
`SMSWorksError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from smsworks_async import phone, text
from smsworks_async._version import __version__
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import (
    APIError,
    BulkInterrupted,
    ConfigurationError,
    FloodingRefused,
    InsufficientCredit,
    InvalidMessage,
    InvalidWebhook,
    JournalError,
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServiceError,
    SMSWorksError,
    StillInFlight,
    ValidationError,
)
from smsworks_async.models.incoming import (
    FINAL_STATUSES,
    Acknowledgement,
    Batch,
    CountryCost,
    ErrorSample,
    FailureReason,
    MessageRecord,
    OTPRecord,
    ScheduledMessage,
    SentMessage,
    SentOTP,
)
from smsworks_async.models.outgoing import Message, MessageFields
from smsworks_async.retry import RetryPolicy


if TYPE_CHECKING:
    from smsworks_async.bulk.estimate import BulkEstimate
    from smsworks_async.bulk.report import (
        BatchOutcome,
        BulkProgress,
        BulkReport,
        BulkStatus,
        Outcome,
        Phase,
        Problem,
        Reason,
        RecipientOutcome,
    )
    from smsworks_async.models.posted import DeliveryReport, IncomingMessage
    from smsworks_async.sync import SMSWorks


__all__ = [
    "FINAL_STATUSES",
    "APIError",
    "Acknowledgement",
    "AsyncSMSWorks",
    "Batch",
    "BatchOutcome",
    "BulkEstimate",
    "BulkInterrupted",
    "BulkProgress",
    "BulkReport",
    "BulkStatus",
    "ConfigurationError",
    "CountryCost",
    "DeliveryReport",
    "ErrorSample",
    "FailureReason",
    "FloodingRefused",
    "IncomingMessage",
    "InsufficientCredit",
    "InvalidMessage",
    "InvalidWebhook",
    "JournalError",
    "Message",
    "MessageFields",
    "MessageRecord",
    "NotAuthenticated",
    "NotAuthorised",
    "NotFound",
    "NotSent",
    "OTPRecord",
    "Outcome",
    "OutcomeUnknown",
    "Phase",
    "Problem",
    "RateLimited",
    "Reason",
    "RecipientOutcome",
    "RetryPolicy",
    "SMSWorks",
    "SMSWorksError",
    "ScheduledMessage",
    "SentMessage",
    "SentOTP",
    "ServiceError",
    "StillInFlight",
    "ValidationError",
    "__version__",
    "phone",
    "text",
]


# Imported when they are used: whoever awaits one send at a time needs none of them.
_LATER = {
    "DeliveryReport": "models.posted",
    "IncomingMessage": "models.posted",
    "SMSWorks": "sync",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER.get(name, 'bulk')}"), name)
