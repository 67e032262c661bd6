"""The SMS Works for Python: async first, with a thin blocking facade.

`AsyncSMSWorks` is the awaitable client and `SMSWorks` the blocking one, with the same families of
methods: ``messages``, ``batches``, ``otp``, ``credits``, ``utils``, ``auth`` and ``bulk``. `text`
measures texts, `phone` reads destinations, `smsworks_async.webhooks` takes in what the provider
posts, and `smsworks_async.sandbox` is a local server to run all of it against. Every error is a
`SMSWorksError`.
"""

from smsworks_async import phone, text
from smsworks_async._version import __version__
from smsworks_async.bulk.options import BulkFields, BulkOptions
from smsworks_async.bulk.report import (
    BatchOutcome,
    BulkProgress,
    BulkReport,
    Outcome,
    Problem,
    Reason,
)
from smsworks_async.client import AsyncSMSWorks
from smsworks_async.errors import (
    APIError,
    BulkInterrupted,
    ConfigurationError,
    FloodingRefused,
    InsufficientCredit,
    InvalidMessage,
    InvalidWebhook,
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
    ErrorSample,
    FailureReason,
    MessageRecord,
    OTPRecord,
    ScheduledMessage,
    SentMessage,
    SentOTP,
)
from smsworks_async.models.outgoing import (
    BatchFields,
    CommonFields,
    Message,
    MessageFields,
    OTPFields,
    SearchFields,
)
from smsworks_async.models.posted import DeliveryReport, IncomingMessage
from smsworks_async.retry import RetryPolicy
from smsworks_async.sync import SMSWorks


__all__ = [
    "FINAL_STATUSES",
    "APIError",
    "Acknowledgement",
    "AsyncSMSWorks",
    "Batch",
    "BatchFields",
    "BatchOutcome",
    "BulkFields",
    "BulkInterrupted",
    "BulkOptions",
    "BulkProgress",
    "BulkReport",
    "CommonFields",
    "ConfigurationError",
    "DeliveryReport",
    "ErrorSample",
    "FailureReason",
    "FloodingRefused",
    "IncomingMessage",
    "InsufficientCredit",
    "InvalidMessage",
    "InvalidWebhook",
    "Message",
    "MessageFields",
    "MessageRecord",
    "NotAuthenticated",
    "NotAuthorised",
    "NotFound",
    "NotSent",
    "OTPFields",
    "OTPRecord",
    "Outcome",
    "OutcomeUnknown",
    "Problem",
    "RateLimited",
    "Reason",
    "RetryPolicy",
    "SMSWorks",
    "SMSWorksError",
    "ScheduledMessage",
    "SearchFields",
    "SentMessage",
    "SentOTP",
    "ServiceError",
    "StillInFlight",
    "ValidationError",
    "__version__",
    "phone",
    "text",
]
