"""The name that `smsworks_async.journals` had in version 1."""

from smsworks_async.journals import *  # noqa: F403
