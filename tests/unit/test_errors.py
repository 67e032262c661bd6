"""The error tree and the table of codes."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest

from smsworks_async import (
    APIError,
    BatchOutcome,
    BulkInterrupted,
    BulkReport,
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
    Outcome,
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
    OptedOut("opted out", field="destination"),
    OptedOut("opted out", field="destinations", positions=(1, 4)),
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
    StillInFlight("not yet"),
    KeyInUse("another call"),
    InvalidWebhook("not JSON"),
    JournalError("journal c.db: it is damaged"),
    JournalError("journal c.db: another process holds it locked", temporary=True),
    BulkInterrupted("stopped", report=BulkReport(read=1, accepted=1, credits=2.5)),
]


def subclasses(cls):
    return {cls}.union(*map(subclasses, cls.__subclasses__()))


def test_errors_under_test_are_all_classes_of_ours():
    ours = {cls for cls in subclasses(SMSWorksError) if cls.__module__.startswith("smsworks")}
    assert {type(error) for error in ERRORS} | {SMSWorksError} == ours


def rebuilt(error):
    """Rebuild an error as a JSON result back end of Celery does."""
    stored = {
        "exc_type": type(error).__name__,
        "exc_message": json.loads(json.dumps(error.args, allow_nan=False)),
        "exc_module": type(error).__module__,
    }
    cls = getattr(sys.modules[stored["exc_module"]], stored["exc_type"])
    return cls(*stored["exc_message"])


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_rebuilt_from_their_class_and_their_args_as_json(error):
    again = rebuilt(error)
    assert type(again) is type(error)
    assert vars(again) == {k: v for k, v in vars(error).items() if k != "__notes__"}
    assert (str(again), again.args) == (str(error), error.args)
    assert (again.safe_to_repeat, again.retryable) == (error.safe_to_repeat, error.retryable)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_rebuilt_by_celery_itself(error):
    celery = pytest.importorskip("celery")
    from celery.backends.base import Backend

    backend = Backend(app=celery.Celery(set_as_current=False), serializer="json")
    stored = json.loads(json.dumps(backend.prepare_exception(error)))
    again = backend.exception_to_python(stored)
    assert type(again) is type(error)
    assert vars(again) == {k: v for k, v in vars(error).items() if k != "__notes__"}


def test_bulk_interrupted_args_name_no_recipient():
    batch = BatchOutcome(0, Outcome.UNKNOWN, 1, destinations=("447700900123",))
    error = BulkInterrupted("stopped", report=BulkReport(read=1, unknown=1, batches=(batch,)))
    assert "7700900123" not in repr(error) + json.dumps(error.args)
    assert rebuilt(error).report == BulkReport(read=1, unknown=1)
    assert pickle.loads(pickle.dumps(error)).report == error.report


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_errors_are_copied_with_all_that_they_know(error, copied):
    again = copied(error)
    assert type(again) is type(error)
    assert (vars(again), again.args, str(again)) == (vars(error), error.args, str(error))


class OfTheCallers(NotSent):
    """A caller's subclass of an error."""

    def __init__(self, *, shop):
        super().__init__(f"{shop} is closed")
        self.shop = shop


def test_errors_of_a_subclass_with_other_arguments_pickle_and_copy_too():
    for again in (
        pickle.loads(pickle.dumps(OfTheCallers(shop="A"))),
        copy.copy(OfTheCallers(shop="A")),
    ):
        assert (again.shop, str(again), again.retryable) == ("A", "A is closed", True)


RETRYABLE = [
    (ConfigurationError("no token"), False),
    (ValidationError("too long", field="content"), False),
    (InvalidMessage("no", status=400), False),
    (APIError("busy", status=409, permanent=False), True),
    (RateLimited("slow down", status=429, permanent=False), True),
    (RateLimited("never", status=429, permanent=True), False),
    (ServiceError("down", status=503, permanent=False), True),
    (InsufficientCredit("none", status=402, code=4021), False),
    (NotSent("no route"), True),
    (OutcomeUnknown("lost", operation="POST /message/send"), False),
    (OutcomeUnknown("lost", operation="GET /messages/{}", safe_to_repeat=True), True),
    (JournalError("damaged"), False),
    (JournalError("locked", temporary=True), True),
    (StillInFlight("not yet"), True),
    (KeyInUse("another call"), True),
    (InvalidWebhook("not JSON"), False),
    (BulkInterrupted("stopped", report=BulkReport()), False),
]


@pytest.mark.parametrize(("error", "expected"), RETRYABLE, ids=repr)
def test_errors_are_retryable_where_the_next_call_may_succeed(error, expected):
    assert error.retryable is expected
    assert error.safe_to_repeat or not error.retryable


def test_errors_have_a_row_each_on_their_page():
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
    for error in ERRORS:
        assert f"| `{type(error).__name__}`" in page


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_pickle_with_all_that_they_know(error):
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.args == error.args
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_know_whether_the_call_is_safe_to_repeat(error):
    unsafe = isinstance(error, OutcomeUnknown | BulkInterrupted)
    assert isinstance(error, SMSWorksError)
    assert error.safe_to_repeat is (not unsafe or getattr(error, "operation", "")[:3] == "GET")


def test_codes_are_all_those_of_the_guide():
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
def test_api_error_class_goes_by_the_code_before_the_status(status, code, expected):
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
def test_is_permanent_goes_by_the_apis_flag_then_the_table_then_the_status(
    status, code, flag, expected
):
    assert is_permanent(status, code, flag) is expected


def test_api_error_says_the_apis_words_the_code_and_what_to_do():
    error = InsufficientCredit("Insufficient credit", status=402, code=4021)
    assert (
        str(error) == "Insufficient credit [code 4021] "
        "(buy credits, then send the messages that were not sent)"
    )
    assert str(NotFound("Nothing there", status=404)) == "Nothing there [HTTP 404]"
