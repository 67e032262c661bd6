"""The former name of `smsworks_async.journals`."""

from smsworks_async.journals import *  # noqa: F403
