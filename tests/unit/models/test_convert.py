"""Conversion between JSON and the models."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import (
    Acknowledgement,
    Batch,
    ErrorSample,
    FailureReason,
    Message,
    MessageRecord,
    OTPRecord,
    ScheduledMessage,
    SentMessage,
    SentOTP,
)
from smsworks_async.models import incoming, otp, outgoing
from smsworks_async.models.convert import Misshapen, format_date, from_wire, to_wire
from smsworks_async.models.outgoing import ScheduledOne
from smsworks_async.models.readers import date


RECORD = {
    "__v": 0,
    "_id": "5ab817e969722262a9711bb4",
    "id": "1",
    "identifier": "7700900123",
    "batchid": 2586749,
    "content": "Greetings",
    "created": "2017-03-25T21:43:05.667Z",
    "credits": "2.5",
    "customerid": "customer",
    "deliveryreporturl": "https://example.org",
    "destination": 447700900123,
    "failurereason": {"code": 34, "details": "Handset error", "permanent": False},
    "international": False,
    "keyword": "",
    "messageid": 128032521395903584,
    "metadata": [{"key": "order", "value": "1"}],
    "modified": "Wed Jul 19 2017 20:53:49 GMT+0100 (British Summer Time)",
    "schedule": "Wed Jul 19 2017 20:53:45 GMT+0100 (BST)",
    "sender": "YourCompany",
    "status": "A_STATUS_TO_COME",
    "tag": "campaign",
}


def test_from_wire_reads_a_record_whatever_the_wire_makes_of_numbers_and_dates():
    record = from_wire(RECORD, MessageRecord)
    assert record.message_id == "128032521395903584"
    assert record.batch_id == "2586749"
    assert record.destination == "447700900123"
    assert record.credits == 2.5
    assert record.created == datetime(2017, 3, 25, 21, 43, 5, 667000, tzinfo=UTC)
    assert record.modified == datetime(2017, 7, 19, 19, 53, 49, tzinfo=UTC)
    assert record.failure_reason == FailureReason(5034, "Handset error", permanent=False)
    assert record.metadata == {"order": "1"}
    assert record.status == "A_STATUS_TO_COME"
    assert not record.is_final
    assert record.extra["identifier"] == "7700900123"
    assert set(record.extra) == {"__v", "_id", "id", "identifier", "deliveryreporturl"}


def test_from_wire_reads_the_least_that_a_record_may_hold():
    record = from_wire({"id": 7, "status": "SENT"}, MessageRecord)
    assert (record.message_id, record.created, record.metadata) == ("7", None, {})


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ("Handset error", FailureReason(details="Handset error")),
        ({"code": 1}, FailureReason(5001, permanent=True)),
        ({"code": "5006", "details": "x"}, FailureReason(5006, "x", permanent=False)),
        ({"code": 5006, "permanent": True}, FailureReason(5006, permanent=True)),
        ({"code": 5006, "permanent": "true"}, FailureReason(5006, permanent=True)),
        ({"code": 9999}, FailureReason(9999)),
        ({"code": "ABC"}, FailureReason(details="ABC")),
        ({"code": 1, "details": "447700900123"}, FailureReason(5001, "…123", permanent=True)),
        ({"details": "x"}, FailureReason(details="x")),
    ],
)
def test_from_wire_reads_a_failure_reason_that_is_an_object_a_string_or_absent(wire, expected):
    record = from_wire({"messageid": "1", "status": "X", "failurereason": wire}, MessageRecord)
    assert record.failure_reason == expected


@pytest.mark.parametrize("wrapped", [False, True])
def test_from_wire_reads_one_object_as_a_list_of_one(wrapped):
    document = {"messageid": "1", "status": "SCHEDULED"}
    wire = [document] if wrapped else document
    assert from_wire(wire, Acknowledgement) == Acknowledgement("1", "SCHEDULED")
    assert from_wire(wire, list[Acknowledgement]) == [Acknowledgement("1", "SCHEDULED")]


def test_from_wire_flattens_a_scheduled_entry_for_one_and_for_many():
    entry = {
        "batch": True,
        "id": 1910600,
        "status": "PROCESSED",
        "new": 1,
        "message": {
            "sender": "MyCompany",
            "destinations": ["07700900123", 447700900124],
            "content": "Greetings",
            "schedule": "2021-10-28T13:10:00.000Z",
        },
    }
    many = from_wire(entry, ScheduledMessage)
    assert many.destinations == ("07700900123", "447700900124")
    assert (many.message_id, many.batch, many.extra) == ("1910600", True, {"new": 1})
    one = from_wire(
        {"id": "1", "status": "X", "message": {"destination": "07700900123"}}, ScheduledMessage
    )
    assert one.destinations == ("07700900123",)


def test_from_wire_reads_a_cancelled_batchs_id_under_its_other_name():
    assert from_wire({"messageid": 5, "status": "CANCELLED"}, Batch) == Batch("5", "CANCELLED")


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], "$"),
        ("text", "$"),
        (None, "$"),
        ({"status": "SENT"}, "message_id"),
        ({"messageid": None, "status": "SENT"}, "message_id"),
        ({"messageid": ["1"], "status": "SENT"}, "message_id"),
        ({"messageid": True, "status": "SENT"}, "message_id"),
    ],
)
def test_from_wire_names_what_it_cannot_read_by_its_path_and_does_not_quote_it(document, path):
    with pytest.raises(Misshapen) as caught:
        from_wire(document, SentMessage)
    told = str(caught.value)
    assert path in told


@pytest.mark.parametrize(
    "odd",
    [
        {"credits": "many"},
        {"credits": "nan"},
        {"credits": True},
        {"credits": ""},
        {"creditsUsed": {}},
        {"messageparts": 1.5},
        {"status": None},
        {"status": {}},
    ],
)
def test_from_wire_goes_by_the_id_alone_for_acceptance(odd):
    assert from_wire({"messageid": "1", **odd}, SentMessage).message_id == "1"
    assert from_wire({"batchid": "1", **odd}, Batch).batch_id == "1"


@pytest.mark.parametrize(
    "odd",
    [
        {"credits": "many"},
        {"created": "yesterday"},
        {"failurereason": 5},
        {"failurereason": {"code": []}},
        {"international": "perhaps"},
        {"metadata": 5},
        {"status": None},
    ],
)
def test_from_wire_keeps_a_record_with_a_field_that_it_cannot_read(odd):
    record = from_wire({"messageid": "1", "content": "Hi", **odd}, MessageRecord)
    assert record.content == "Hi"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2017-03-25T21:43:05.667Z", datetime(2017, 3, 25, 21, 43, 5, 667000, tzinfo=UTC)),
        ("2017-03-25T21:43:05", datetime(2017, 3, 25, 21, 43, 5, tzinfo=UTC)),
        ("2017-03-25T22:43:05+01:00", datetime(2017, 3, 25, 21, 43, 5, tzinfo=UTC)),
        ("Sun Jul 19 2017 20:53:46 GMT+0100 (BST)", datetime(2017, 7, 19, 19, 53, 46, tzinfo=UTC)),
        ("Wed Jan 9 2019 01:02:03 GMT+0000", datetime(2019, 1, 9, 1, 2, 3, tzinfo=UTC)),
        ("Wed Jan 09 2019 01:02:03 GMT", datetime(2019, 1, 9, 1, 2, 3, tzinfo=UTC)),
    ],
)
def test_date_reads_both_formats_as_utc(written, expected):
    assert date(written) == expected
    assert date(written).tzinfo is UTC


def test_date_is_read_whatever_the_machines_locale(monkeypatch):
    monkeypatch.setattr("_strptime.LocaleTime", None)  # `strptime` needs it
    assert date("Thu Oct 19 2017 20:53:46 GMT+0100 (BST)").month == 10


@given(st.text())
def test_date_raises_nothing_but_value_error_on_any_text(written):
    try:
        date(written)
    except ValueError as error:
        assert not written or len(written) < 8 or written not in str(error)


@given(
    st.integers(-30_000_000_000, 250_000_000_000),
    st.integers(0, 999_999),
    st.integers(-23, 23),
)
def test_format_date_writes_iso_8601_with_milliseconds_that_date_reads(seconds, micros, offset):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micros)
    moment = moment.astimezone(timezone(timedelta(hours=offset)))
    written = format_date(moment)
    assert written.endswith("Z")
    assert len(written) == len("2017-03-25T21:43:05.667Z")
    assert timedelta(0) <= moment - date(written) < timedelta(milliseconds=1)


def test_to_wire_uses_the_wires_names_and_omits_what_is_not_set():
    message = ScheduledOne(
        sender="AcmeCorp",
        destination="07700 900123",
        content="Hi",
        delivery_report_url="https://example.org/",
        response_email=["me@example.org"],
        metadata={"order": "1"},
        at=datetime(2050, 1, 31, 9, 0, tzinfo=UTC),
        ai=False,
        ttl=5,
    )
    assert to_wire(message) == {
        "sender": "AcmeCorp",
        "destination": "447700900123",
        "content": "Hi",
        "deliveryreporturl": "https://example.org/",
        "responseemail": ("me@example.org",),
        "metadata": [{"key": "order", "value": "1"}],
        "schedule": "2050-01-31T09:00:00.000Z",
        "ai": False,
        "ttl": 5,
    }
    query = outgoing.Query(from_=datetime(2050, 1, 31, tzinfo=UTC), destination="07700 900123")
    assert to_wire(query) == {"from": "2050-01-31T00:00:00.000Z", "destination": "447700900123"}


MODELS = [
    SentMessage("1", "SENT", 1.0, 1.0, 1, extra={"a": [1]}),
    Acknowledgement("1", "DELETED"),
    Batch("1", "SCHEDULED"),
    from_wire(RECORD, MessageRecord),
    ScheduledMessage("1", "SCHEDULED", destinations=("447700900123",), content="secret"),
    SentOTP("1", "SENT"),
    OTPRecord("VERIFIED", "447700900123", "123456", metadata={"cart": {}}),
    ErrorSample("No", 4021),
    Message(
        sender="AcmeCorp", destination="07700 900123", content="Greetings", metadata={"a": "b"}
    ),
    outgoing.BatchMessage(sender="AcmeCorp", destinations=["07700 900123"], content="Greetings"),
    otp.OTPRequest(sender="AcmeCorp", destination="07700 900123", passcode="123456"),
    otp.PasscodeToVerify(passcode="123456"),
    outgoing.Query(destination="07700 900123", sender="447700900123", metadata={"a": "b"}),
    MessageRecord("1", "INCOMING", sender="447700900123", content="Greetings"),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_models_are_frozen_slotted_picklable_and_hashable(model):
    assert pickle.loads(pickle.dumps(model)) == model
    assert hash(model) == hash(pickle.loads(pickle.dumps(model)))
    assert not hasattr(model, "__dict__")
    field = attrs.fields(type(model))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(model, field, None)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_no_repr_carries_a_text_a_passcode_or_a_whole_number(model):
    shown = repr(model)
    for secret in ("Greetings", "secret", "123456", "7700900123", "customer", "example.org"):
        assert secret not in shown


def test_every_status_that_ends_a_message_is_final():
    assert "DELIVERED" in incoming.FINAL_STATUSES
    assert "SENT" not in incoming.FINAL_STATUSES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=8,
)


@given(
    st.sampled_from([SentMessage, MessageRecord, Batch, ScheduledMessage, OTPRecord, list[Batch]]),
    json_values
    | st.fixed_dictionaries(
        {"messageid": json_values, "status": json_values},
        optional=dict.fromkeys(RECORD.keys() - {"messageid", "status"}, json_values),
    ),
)
def test_from_wire_makes_any_json_a_model_or_raises_misshapen(shape, document):
    try:
        from_wire(json.loads(json.dumps(document)), shape)
    except Misshapen as error:
        assert "$" in str(error)


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (SentMessage, {"messageid": None, "status": "SENT", "credits": 1, "creditsUsed": 1}),
        (Batch, {"batchid": None, "status": "SCHEDULED"}),
    ],
)
def test_from_wire_takes_nothing_with_a_blank_id_for_accepted(model, answer, blank):
    name = next(iter(answer))
    assert from_wire({**answer, name: "1"}, model)
    with pytest.raises(Misshapen, match="an id, not a blank"):
        from_wire({**answer, name: blank}, model)
