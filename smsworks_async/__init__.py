"""The SMS Works for Python: async first, with a thin blocking facade."""

from smsworks_async import phone, text
from smsworks_async._version import __version__
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
    NotAuthenticated,
    NotAuthorised,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    ServiceError,
    SMSWorksError,
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
from smsworks_async.models.outgoing import Message
from smsworks_async.retry import RetryPolicy
from smsworks_async.sync import SMSWorks


__all__ = [
    "FINAL_STATUSES",
    "APIError",
    "Acknowledgement",
    "AsyncSMSWorks",
    "Batch",
    "BatchOutcome",
    "BulkInterrupted",
    "BulkProgress",
    "BulkReport",
    "ConfigurationError",
    "ErrorSample",
    "FailureReason",
    "FloodingRefused",
    "InsufficientCredit",
    "InvalidMessage",
    "Message",
    "MessageRecord",
    "NotAuthenticated",
    "NotAuthorised",
    "NotFound",
    "NotSent",
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
    "SentMessage",
    "SentOTP",
    "ServiceError",
    "ValidationError",
    "__version__",
    "phone",
    "text",
]
