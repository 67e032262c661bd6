import pytest

from smsworks_async import errors
from smsworks_async.cli._exit import Exit, exit_of_counts, exit_of_error
from smsworks_async.models.report import BulkReport


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ({"read": 2, "accepted": 2}, 0),
        ({"read": 3, "accepted": 1, "opted_out": 1, "duplicates": 1}, 0),
        ({"read": 1, "opted_out": 1}, 0),
        ({}, 0),
        ({"read": 2, "accepted": 1, "invalid": 1}, 1),
        ({"read": 2, "accepted": 1, "rejected": 1}, 1),
        ({"read": 2, "accepted": 1, "not_sent": 1}, 1),
        ({"read": 2, "rejected": 2}, 3),
        ({"read": 2, "not_sent": 1, "opted_out": 1}, 3),
        ({"read": 1, "invalid": 1}, 3),
        ({"read": 3, "accepted": 1, "unknown": 1, "rejected": 1}, 4),
        ({"read": 2, "unknown": 1, "rejected": 1}, 4),
    ],
)
def test_exit_of_counts_is_the_first_code_that_fits(counts, code):
    assert exit_of_counts(BulkReport(**counts)) == code


@pytest.mark.parametrize(
    ("error", "sending", "reading"),
    [
        (errors.OutcomeUnknown("x"), Exit.UNKNOWN, Exit.UNKNOWN),
        (errors.NotSent("x"), Exit.NOTHING_SENT, Exit.FAILED),
        (errors.APIError("x"), Exit.NOTHING_SENT, Exit.FAILED),
        (errors.JournalError("x"), Exit.NOTHING_SENT, Exit.FAILED),
        (errors.ValidationError("x"), Exit.USAGE, Exit.USAGE),
        (errors.ConfigurationError("x"), Exit.USAGE, Exit.USAGE),
        (errors.OptedOut("x"), Exit.OK, Exit.OK),
    ],
)
def test_exit_of_error_tells_what_was_sent(error, sending, reading):
    assert exit_of_error(error, sends=True) == sending
    assert exit_of_error(error, sends=False) == reading
