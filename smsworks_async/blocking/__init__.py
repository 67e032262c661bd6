"""The blocking client and its infrastructure."""

from typing import TYPE_CHECKING

from smsworks_async._lazy import lazy


if TYPE_CHECKING:
    from smsworks_async.blocking.client import SMSWorks


__all__ = ["SMSWorks"]

__getattr__, __dir__ = lazy(__name__, {"SMSWorks": "smsworks_async.blocking.client"})
