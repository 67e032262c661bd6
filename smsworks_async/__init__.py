"""The SMS Works for Python: async first, with a thin blocking facade.

`AsyncSMSWorks` is the awaitable client and `SMSWorks` the blocking one, with the same families of
methods: ``messages``, ``batches``, ``otp``, ``credits``, ``utils``, ``auth``, ``bulk`` and
``opt_outs``. `text` measures texts, `phone` reads destinations, `optouts` records who has opted
out, `smsworks_async.webhooks` handles the callbacks that the provider posts, and
`smsworks_async.sandbox` is a local server to run all of it against. Every error is a
`SMSWorksError`.
"""

from typing import TYPE_CHECKING

from smsworks_async._lazy import lazy
from smsworks_async._version import __version__


if TYPE_CHECKING:
    from smsworks_async import optouts, phone, text
    from smsworks_async._settings import RetryPolicy
    from smsworks_async.blocking.client import SMSWorks
    from smsworks_async.bulk.estimate import BulkEstimate
    from smsworks_async.client import AsyncSMSWorks
    from smsworks_async.errors import (
        APIError,
        ConfigurationError,
        FloodingRefused,
        InsufficientCredit,
        InvalidMessage,
        InvalidWebhook,
        JournalError,
        KeyInUse,
        NotAuthenticated,
        NotAuthorised,
        NotFound,
        NotSent,
        OptedOut,
        OutcomeUnknown,
        RateLimited,
        ServiceError,
        SMSWorksError,
        StillInFlight,
        ValidationError,
    )
    from smsworks_async.models.failure import FailureReason
    from smsworks_async.models.incoming import (
        FINAL_STATUSES,
        Acknowledgement,
        Batch,
        CountryCost,
        ErrorSample,
        MessageRecord,
        OTPRecord,
        ScheduledMessage,
        SentMessage,
        SentOTP,
    )
    from smsworks_async.models.opt_outs import OptOutEvent
    from smsworks_async.models.outgoing import Message, MessageFields
    from smsworks_async.models.posted import DeliveryReport, IncomingMessage
    from smsworks_async.models.report import (
        BatchOutcome,
        BulkInterrupted,
        BulkProgress,
        BulkReport,
        BulkStatus,
        Outcome,
        Phase,
        Problem,
        Reason,
        RecipientOutcome,
    )
    from smsworks_async.models.window import SendWindow
    from smsworks_async.optouts import OptOuts


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
    "KeyInUse",
    "Message",
    "MessageFields",
    "MessageRecord",
    "NotAuthenticated",
    "NotAuthorised",
    "NotFound",
    "NotSent",
    "OTPRecord",
    "OptOutEvent",
    "OptOuts",
    "OptedOut",
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
    "SendWindow",
    "SentMessage",
    "SentOTP",
    "ServiceError",
    "StillInFlight",
    "ValidationError",
    "__version__",
    "optouts",
    "phone",
    "text",
]

#: The module that defines each name; it is imported on first use.
_MODULES = {
    "APIError": "smsworks_async.errors",
    "Acknowledgement": "smsworks_async.models.incoming",
    "AsyncSMSWorks": "smsworks_async.client",
    "Batch": "smsworks_async.models.incoming",
    "BatchOutcome": "smsworks_async.models.report",
    "BulkEstimate": "smsworks_async.bulk.estimate",
    "BulkInterrupted": "smsworks_async.models.report",
    "BulkProgress": "smsworks_async.models.report",
    "BulkReport": "smsworks_async.models.report",
    "BulkStatus": "smsworks_async.models.report",
    "ConfigurationError": "smsworks_async.errors",
    "CountryCost": "smsworks_async.models.incoming",
    "DeliveryReport": "smsworks_async.models.posted",
    "ErrorSample": "smsworks_async.models.incoming",
    "FINAL_STATUSES": "smsworks_async.models.incoming",
    "FailureReason": "smsworks_async.models.failure",
    "FloodingRefused": "smsworks_async.errors",
    "IncomingMessage": "smsworks_async.models.posted",
    "InsufficientCredit": "smsworks_async.errors",
    "InvalidMessage": "smsworks_async.errors",
    "InvalidWebhook": "smsworks_async.errors",
    "JournalError": "smsworks_async.errors",
    "KeyInUse": "smsworks_async.errors",
    "Message": "smsworks_async.models.outgoing",
    "MessageFields": "smsworks_async.models.outgoing",
    "MessageRecord": "smsworks_async.models.incoming",
    "NotAuthenticated": "smsworks_async.errors",
    "NotAuthorised": "smsworks_async.errors",
    "NotFound": "smsworks_async.errors",
    "NotSent": "smsworks_async.errors",
    "OTPRecord": "smsworks_async.models.incoming",
    "OptOutEvent": "smsworks_async.models.opt_outs",
    "OptOuts": "smsworks_async.optouts",
    "OptedOut": "smsworks_async.errors",
    "Outcome": "smsworks_async.models.report",
    "OutcomeUnknown": "smsworks_async.errors",
    "Phase": "smsworks_async.models.report",
    "Problem": "smsworks_async.models.report",
    "RateLimited": "smsworks_async.errors",
    "Reason": "smsworks_async.models.report",
    "RecipientOutcome": "smsworks_async.models.report",
    "RetryPolicy": "smsworks_async._settings",
    "SMSWorks": "smsworks_async.blocking.client",
    "SMSWorksError": "smsworks_async.errors",
    "ScheduledMessage": "smsworks_async.models.incoming",
    "SendWindow": "smsworks_async.models.window",
    "SentMessage": "smsworks_async.models.incoming",
    "SentOTP": "smsworks_async.models.incoming",
    "ServiceError": "smsworks_async.errors",
    "StillInFlight": "smsworks_async.errors",
    "ValidationError": "smsworks_async.errors",
    "optouts": "smsworks_async.optouts",
    "phone": "smsworks_async.phone",
    "text": "smsworks_async.text",
}

__getattr__, __dir__ = lazy(__name__, _MODULES)
