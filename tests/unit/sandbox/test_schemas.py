from datetime import UTC, datetime

import pytest

from smsworks_async.sandbox.codes import Refusal
from smsworks_async.sandbox.schemas import ADVANCE, MESSAGE, OTP, QUERY, read_json, read_schedule


HELLO = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content": ""}, 4001),
        ({"content": "a" * 1281}, 4002),
        ({"content": "😀" * 641}, 4002),
        ({"sender": "Ac"}, 4003),
        ({"sender": "AcmeCorp1234"}, 4003),
        ({"sender": "Acme Corp"}, 4003),
        ({"sender": "Ämterhaus"}, 4003),
        ({"sender": "1" * 16}, 4003),
        ({"sender": "12"}, 4003),
        ({"destination": "+447700900123"}, 4004),
        ({"tag": "a" * 281}, 4005),
    ],
)
def test_schemas_refuse_a_value_with_the_code_that_the_api_has_for_it(change, code):
    with pytest.raises(Refusal) as refused:
        MESSAGE.parse({**HELLO, **change})
    assert refused.value.code == code
    assert refused.value.answer.payload["errorCode"] == code


@pytest.mark.parametrize(
    "change",
    [
        {"content": "a" * 1280},
        {"content": "😀" * 640},
        {"sender": "1" * 15},
        {"sender": "AcmeCorp123"},
        {"sender": "Abc"},
        {"tag": "a" * 280},
        {"tag": "", "schedule": "", "deliveryreporturl": ""},
        {"validity": 1},
        {"validity": 2880},
        {"ttl": 10},
        {"ai": True},
        {"metadata": [{"key": "a", "value": "b"}], "responseemail": ["me@example.com"]},
        {"deliveryreporturl": "http://127.0.0.1:80/x"},
    ],
)
def test_schemas_take_whatever_is_within_the_limits(change):
    assert MESSAGE.parse({**HELLO, **change}) == {**HELLO, **change}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"destination": 447700900123.5}, "destination"),
        ({"content": None}, "content"),
        ({"validity": 0}, "validity"),
        ({"validity": 2881}, "validity"),
        ({"validity": 1.5}, "validity"),
        ({"validity": True}, "validity"),
        ({"ttl": 0}, "ttl"),
        ({"ai": "yes"}, "ai"),
        ({"metadata": {"key": "a"}}, "metadata"),
        ({"metadata": [{"key": "a"}]}, "metadata"),
        ({"metadata": [{"key": "a", "value": 1}]}, "metadata"),
        ({"responseemail": "me@example.com"}, "responseemail"),
        ({"responseemail": ["me"]}, "responseemail"),
        ({"deliveryreporturl": "ftp://example.com"}, "deliveryreporturl"),
        ({"deliveryreporturl": "http://[::1"}, "deliveryreporturl"),
        ({"deliveryreporturl": 1}, "deliveryreporturl"),
    ],
)
def test_schemas_refuse_a_mistake_without_a_code_by_a_bare_message_that_names_the_field(
    change, named
):
    with pytest.raises(Refusal, match=named) as refused:
        MESSAGE.parse({**HELLO, **change})
    assert refused.value.code is None
    assert refused.value.answer.payload.keys() == {"message"}


def test_schemas_name_a_missing_field():
    with pytest.raises(Refusal, match="sender is missing"):
        MESSAGE.parse({"destination": "447700900123", "content": "Hello"})


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"limit": 1001},
        {"skip": -1},
        {"unread": 1},
        {"credits": "two"},
        {"credits": True},
        {"from": "yesterday"},
        {"to": 5},
    ],
)
def test_schemas_refuse_a_query_that_cannot_be_understood(change):
    with pytest.raises(Refusal):
        QUERY.parse(change)


def test_schemas_take_a_blank_for_no_filter_of_a_query():
    blanks = {"status": "", "from": "", "limit": "", "credits": " ", "unread": None}
    assert QUERY.parse({**blanks, "tag": "a"}) == {"tag": "a"}


def test_schemas_ignore_and_name_a_field_that_the_api_does_not_have():
    body = {**HELLO, "colour": "red", "destinations": []}
    assert MESSAGE.parse(body) == HELLO
    assert MESSAGE.unknown(body) == ["colour", "destinations"]
    assert MESSAGE.unknown([HELLO, body, 5]) == ["colour", "destinations"]
    assert MESSAGE.unknown("text") == MESSAGE.unknown(HELLO) == []
    with pytest.raises(Refusal, match="colour"):
        ADVANCE.check_types({"seconds": 1, "colour": "red"})


def test_schemas_limit_the_size_and_depth_of_an_otps_metadata():
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    otp = {"sender": "AcmeCorp", "destination": "447700900123"}
    assert OTP.parse({**otp, "metadata": {"cart": "x" * 900}})
    for metadata in ({"cart": "x" * 1024}, [1], deep):
        with pytest.raises(Refusal, match="metadata"):
            OTP.parse({**otp, "metadata": metadata})


def test_read_schedule_takes_a_minute_in_the_past_and_no_more():
    now = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
    assert read_schedule({"schedule": "2026-07-01T11:59:00Z"}, now) == now - 60
    for late in ("2026-07-01T11:58:59Z", "", "soon"):
        with pytest.raises(Refusal) as refused:
            read_schedule({"schedule": late}, now)
        assert refused.value.code == 4009


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b'{"a": ' + b"1" * 5000 + b"}", b"[" * 100_000],
)
def test_read_json_refuses_what_is_not_json(data):
    with pytest.raises(Refusal, match="not JSON"):
        read_json(data)
