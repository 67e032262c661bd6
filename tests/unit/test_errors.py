"""The error tree and the table of codes."""

from __future__ import annotations

import pickle

import pytest

from smsworks_async import (
    APIError,
    BulkInterrupted,
    BulkReport,
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
from smsworks_async.errors import CODES, api_error_class, is_permanent


ERRORS = [
    ConfigurationError("no token"),
    ValidationError("too long", field="content", code=4002),
    *(
        cls("no", status=400, code=4004, permanent=False, retry_after=2.5)
        for cls in (
            APIError,
            InvalidMessage,
            NotAuthenticated,
            InsufficientCredit,
            NotAuthorised,
            NotFound,
            RateLimited,
            FloodingRefused,
            ServiceError,
        )
    ),
    NotSent("no route"),
    OutcomeUnknown("lost", operation="POST /message/send"),
    OutcomeUnknown("lost", operation="GET /messages/{}", safe_to_repeat=True),
    OutcomeUnknown("refused", operation="POST /batch/send", message_id="1", batch_id="2"),
    StillInFlight("not yet", message_id="1", status="SENT"),
    InvalidWebhook("not JSON"),
    BulkInterrupted("stopped", report=BulkReport(read=1, accepted=1)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_pickles_with_all_that_it_knows(error):
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.args == error.args
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_knows_whether_it_is_safe_to_repeat(error):
    unsafe = isinstance(error, OutcomeUnknown | BulkInterrupted)
    assert isinstance(error, SMSWorksError)
    assert error.safe_to_repeat is (not unsafe or getattr(error, "operation", "")[:3] == "GET")


def test_the_table_has_every_code_of_the_guide():
    assert set(CODES) == {
        *range(4001, 4010),
        *(4011, 4021, 4031, 4032, 4033, 4034),
        *(5001, 5002, 5004, 5006, 5008, 5009, 5010, 5011, 5013, 5015, 5020, 5034),
    }
    passing = {code for code, row in CODES.items() if not row.permanent}
    assert passing == {5006, 5008, 5013, 5015, 5034}
    assert all(row.code == code and row.meaning for code, row in CODES.items())
    assert {row.http_status for row in CODES.values()} == {400, 401, 402, 403}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, None, InvalidMessage),
        (401, None, NotAuthenticated),
        (402, None, InsufficientCredit),
        (403, None, NotAuthorised),
        (404, None, NotFound),
        (429, None, RateLimited),
        (409, None, APIError),
        (302, None, APIError),
        (503, None, ServiceError),
        (400, 4008, NotFound),
        (400, 4021, InsufficientCredit),
        (400, 5020, FloodingRefused),
        (400, 5001, ServiceError),
        (400, 5077, ServiceError),
        (400, 4999, InvalidMessage),
        (500, 4004, InvalidMessage),
    ],
)
def test_the_code_chooses_the_class_before_the_status_does(status, code, expected):
    assert api_error_class(status, code) is expected


@pytest.mark.parametrize(
    ("status", "code", "flag", "expected"),
    [
        (400, 5006, None, False),
        (400, 5006, True, True),
        (400, 4004, False, False),
        (400, None, None, True),
        (408, None, None, False),
        (425, None, None, False),
        (429, None, None, False),
        (503, None, None, False),
        (302, None, None, True),
    ],
)
def test_the_apis_own_flag_goes_before_the_table_and_the_table_before_the_status(
    status, code, flag, expected
):
    assert is_permanent(status, code, flag) is expected


def test_an_api_error_says_what_was_said_the_number_and_what_to_do():
    error = InsufficientCredit("Insufficient credit", status=402, code=4021)
    assert (
        str(error) == "Insufficient credit [code 4021] (buy credits, then send what was not sent)"
    )
    assert str(NotFound("Nothing there", status=404)) == "Nothing there [HTTP 404]"
