"""`webhooks.parse`: posted bodies become a report, a message, or `InvalidWebhook`."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsworks_async import DeliveryReport, FailureReason, IncomingMessage, InvalidWebhook
from smsworks_async.webhooks import parse
from smsworks_async.webhooks.parsing import MAX_BODY, MAX_DEPTH


REPORT = {
    "__v": 0,
    "_id": "5ab817e969722262a9711bb4",
    "batchid": 2586749,
    "content": "Greetings",
    "created": "2031-03-25T21:43:05.667Z",
    "credits": 1,
    "customerid": "customer",
    "destination": 447700900123,
    "failurereason": {"code": 1, "details": "No such number", "permanent": False},
    "international": False,
    "keyword": "",
    "messageid": 128032521395903584,
    "modified": "Wed Jul 19 2017 20:53:49 GMT+0100 (British Summer Time)",
    "schedule": "2031-03-25T21:43:05.665Z",
    "sender": "AcmeCorp",
    "status": "UNDELIVERED",
    "tag": "spring",
}
INCOMING = {
    "content": "Yes",
    "from": "447700900123",
    "messageid": "6170167",
    "messagetype": "incoming",
    "to": "60777",
    "parts": 1,
}


def body(document=REPORT, **changes):
    return json.dumps({**document, **changes}).encode()


def refused(given):
    with pytest.raises(InvalidWebhook) as caught:
        parse(given)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_parse_takes_a_body_that_begins_with_a_byte_order_mark(encoding):
    posted = body().decode()
    assert parse(posted.encode(encoding)) == parse("\ufeff" + posted) == parse(posted)


def test_parse_reads_all_of_a_report_that_a_record_holds():
    report = parse(body())
    assert isinstance(report, DeliveryReport)
    assert report.message_id == "128032521395903584"
    assert (report.batch_id, report.destination) == ("2586749", "447700900123")
    assert report.failure_reason == FailureReason(5001, "No such number", permanent=False)
    assert report.created == datetime(2031, 3, 25, 21, 43, 5, 667000, tzinfo=UTC)
    assert report.modified == datetime(2017, 7, 19, 19, 53, 49, tzinfo=UTC)
    assert report.is_final
    assert report.extra == {"__v": 0, "_id": "5ab817e969722262a9711bb4"}
    assert pickle.loads(pickle.dumps(report)) == report


def test_parse_reads_who_sent_an_incoming_message_to_which_number():
    message = parse(body(INCOMING, keyword="YES", network="O2"))
    assert message == IncomingMessage(
        "6170167", "447700900123", "60777", "Yes", 1, "YES", extra={"network": "O2"}
    )
    assert "447700900123" not in repr(message)
    assert "Yes" not in repr(message)
    assert pickle.loads(pickle.dumps(message)) == message


@pytest.mark.parametrize(
    ("document", "sender", "destination"),
    [
        ({"messageid": 7, "messagetype": "INCOMING", "sender": 447700900123}, "447700900123", ""),
        ({"messageid": 7, "status": "INCOMING", "destination": 60777}, "", "60777"),
        ({"messageid": 7, "from": "447700900123", "to": None, "content": None}, "447700900123", ""),
        ({"id": 7, "messagetype": "incoming", "from": None, "sender": "Acme"}, "Acme", ""),
        ({"id": 7, "messagetype": "SMS", "status": "INCOMING", "from": "Acme"}, "Acme", ""),
        ({"id": 7, "messagetype": " Incoming", "status": "SENT", "from": "Acme"}, "Acme", ""),
        ({"id": 7, "messagetype": " ", "status": "", "from": "Acme"}, "Acme", ""),
    ],
)
def test_parse_knows_an_incoming_message_by_its_type_its_status_or_its_from(
    document, sender, destination
):
    message = parse(json.dumps(document))
    assert isinstance(message, IncomingMessage)
    assert (message.message_id, message.sender, message.destination) == ("7", sender, destination)
    assert (message.content, message.parts, message.created) == ("", None, None)


@pytest.mark.parametrize("reason", [None, "", {}, "absent"])
def test_parse_of_a_report_without_a_reason_has_none(reason):
    document = {**REPORT, "failurereason": reason}
    if reason == "absent":
        del document["failurereason"]
    assert parse(json.dumps(document)).failure_reason is None


def test_parse_keeps_a_reason_in_words_and_masks_its_numbers():
    report = parse(body(failurereason="No handset at 447700900123"))
    assert report.failure_reason == FailureReason(details="No handset at …123")


@pytest.mark.parametrize(
    "given", [body(), body().decode(), bytearray(body()), b"\xef\xbb\xbf" + body(), b" " + body()]
)
def test_parse_takes_bytes_or_a_string_with_a_byte_order_mark_or_without(given):
    assert parse(given).message_id == "128032521395903584"


@pytest.mark.parametrize("given", [None, 1, [], {}, memoryview(b"{}"), object(), ["447700900123"]])
def test_parse_refuses_a_body_of_another_type(given):
    assert "must be bytes or a string" in str(refused(given))


def test_parse_reads_64_kib_and_refuses_one_byte_more():
    padding = MAX_BODY - len(body(pad=""))
    assert parse(body(pad="x" * padding)).extra["pad"]
    too_large = body(pad="x" * (padding + 1))
    assert "larger than 65536 bytes" in str(refused(too_large))
    assert "larger than 65536 bytes" in str(refused(too_large.decode()))
    assert "larger" in str(refused('{"messageid": 1, "status": "' + "é" * 32760 + '"}'))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_parse_refuses_a_body_nested_ten_thousand_deep(opening):
    assert "more than 16 deep" in str(refused(opening * 10_000))


def test_parse_keeps_nesting_up_to_the_limit_and_refuses_one_more():
    def nested(depth):
        return body(extra=json.loads("[" * depth + "]" * depth))

    assert parse(nested(MAX_DEPTH - 1)).extra["extra"]
    assert "more than 16 deep" in str(refused(nested(MAX_DEPTH)))
    assert parse(body(extra=[[]] * 100)).extra["extra"] == [[]] * 100  # wide is not deep


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"", "not JSON"),
        (b"status=DELIVERED", "not JSON"),
        (b'{"messageid": NaN}', "not JSON"),
        (b'{"messageid": ' + b"1" * 5000 + b"}", "not JSON"),
        (b"\xe4{}", "not UTF-8"),
        (b"null", "must be a JSON object"),
        (b"[{}]", "must be a JSON object"),
        (b'"words"', "must be a JSON object"),
        (b"{}", "a required field is missing"),
        (body(messageid=None), "message_id"),
        (body(messageid=""), "not a message id"),
        (body(messageid="../../etc"), "not a message id"),
        (body(messageid="1" * 200), "not a message id"),
        (body(messageid=[1]), "expected a string"),
        (body(status=None), "no valid status"),
        (body(status=""), "no valid status"),
        (body(status=["DELIVERED"]), "no valid status"),
        (body(status="X" * 65), "no valid status"),
        (body(content=["Secret text"]), "expected a string"),
        (body(INCOMING, content={"text": "Secret text"}), "expected a string"),
        (body(INCOMING, to=[60777]), "expected a string"),
    ],
)
def test_parse_refuses_what_is_no_report_in_words_that_quote_nothing(given, why):
    error = refused(given)
    assert why in str(error)
    for kept_out in ("Secret text", "447700900123", "60777", "128032521395903584"):
        assert kept_out not in repr(pickle.loads(pickle.dumps(error)))
    assert error.__cause__ is None  # which would carry the body with it
    assert error.safe_to_repeat


@pytest.mark.parametrize("credits", [10**400, "1e999", "many", None, [], True])
def test_parse_keeps_a_report_with_a_cost_that_cannot_be_read(credits):
    assert parse(body(credits=credits)).credits is None


def test_parse_takes_the_last_of_a_key_that_comes_twice():
    report = parse('{"messageid": "1", "messageid": "2", "status": "SENT", "status": "DELIVERED"}')
    assert (report.message_id, report.status) == ("2", "DELIVERED")


def test_parse_replaces_half_of_a_surrogate_pair_wherever_it_stands():
    message = parse(r'{"messageid": "1", "from": "x", "content": "\ud83dHi", "\udc00": ["\ud83d"]}')
    assert message.content == "\ufffdHi"
    assert message.extra == {"\ufffd": ["\ufffd"]}
    assert parse(r'{"messageid": "1", "from": "x", "content": "\ud83d\ude00"}').content == "😀"
    assert parse('{"messageid": "1", "from": "x", "content": "\ud83d"}').content == "\ufffd"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["DELIVERED", "INCOMING", "incoming", "2031-03-25T21:43:05Z", 10**400])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
FIELDS = sorted({*REPORT, *INCOMING, "id", "metadata", "ttl", "<extra>"})


def survives(given):
    try:
        item = parse(given)
    except InvalidWebhook:
        return
    repr(item)
    pickle.dumps(item)
    json.dumps(item.extra)
    str(item.content).encode()


@given(st.binary() | st.text(st.characters()))
@example(b"\x00")
@example("\ud800")
def test_parse_raises_nothing_but_our_own_error_on_any_bytes_or_string(given):
    survives(given)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(), ANYTHING))
@example({"messageid": 1, "from": 1, "to": 10**300, "parts": 1e308})
@example({"messageid": 1, "status": "X", "failurereason": {"code": 10**300, "details": [1]}})
@example({"messageid": 1, "status": "X", "metadata": [{"key": None}], "<extra>": 1})
@example({"messageid": 1, "status": "X", "created": "0001-01-01T00:00:00+23:59"})
def test_parse_raises_nothing_but_our_own_error_on_any_document(document):
    survives(json.dumps(document))
    survives(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(st.data())
def test_parse_raises_nothing_but_our_own_error_on_a_report_with_a_wrong_field(data):
    document = data.draw(st.sampled_from([REPORT, INCOMING]))
    name = data.draw(st.sampled_from(sorted(document)))
    survives(json.dumps({**document, name: data.draw(ANYTHING)}))


@given(st.integers(0, len(body())), st.binary(max_size=4))
def test_parse_raises_nothing_but_our_own_error_on_a_damaged_report(at, noise):
    survives(body()[:at] + noise)
    survives(body()[:at] + noise + body()[at + len(noise) :])
