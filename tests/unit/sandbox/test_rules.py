import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.sandbox import dates, destinations
from smsworks_async.sandbox.clock import ManualClock, RealClock
from smsworks_async.sandbox.codes import CODES, Refusal, error_object
from smsworks_async.sandbox.flooding import FloodingFilter
from smsworks_async.sandbox.schemas import ADVANCE, MESSAGE, OTP, QUERY, read_json, read_schedule
from smsworks_async.sandbox.segments import measure, utf16_units
from smsworks_async.sandbox.timeline import Timeline


HELLO = {"sender": "AcmeCorp", "destination": "447700900123", "content": "Hello"}


@pytest.mark.parametrize(
    ("text", "segments", "credits"),
    [
        ("a", 1, 1),
        ("a" * 160, 1, 1),
        ("a" * 161, 2, 2),
        ("a" * 306, 2, 2),
        ("a" * 307, 3, 3),
        ("€" * 80, 1, 1),
        ("€" * 81, 2, 2),
        ("a" * 152 + "€" + "a" * 152, 3, 3),
        ("ä\f^{}\\[~]|", 1, 1),
        ("д", 1, 1),
        ("д" * 70, 1, 1),
        ("д" * 71, 2, 2),
        ("д" * 135, 3, 2),
        ("д" * 1280, 20, 19),
        ("😀" * 35, 1, 1),
        ("😀" * 36, 2, 2),
        ("a" * 66 + "😀" + "a" * 67, 3, 2),
    ],
)
def test_measure_counts_segments_and_credits(text, segments, credits):
    size = measure(text)
    assert (size.segments, size.credits) == (segments, credits)


def test_utf16_units_count_half_a_pair_as_one():
    assert utf16_units("a€😀") == 4
    assert utf16_units("\ud83d") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-03-25T21:43:05.667Z", datetime(2017, 3, 25, 21, 43, 5, 667000, UTC)),
        ("2017-03-25T22:43:05+01:00", datetime(2017, 3, 25, 21, 43, 5, 0, UTC)),
        ("Wed Jul 19 2017 20:53:46 GMT+0100 (BST)", datetime(2017, 7, 19, 19, 53, 46, 0, UTC)),
        ("Mon Jul 19 2017 20:53:46 GMT+0000", datetime(2017, 7, 19, 20, 53, 46, 0, UTC)),
        (
            "Tue Apr 25 2023 16:47:00 GMT+0100 (British Summer Time)",
            datetime(2023, 4, 25, 15, 47, 0, 0, UTC),
        ),
        ("Thu 26 Nov 2031 18:21:05 UTC", datetime(2031, 11, 26, 18, 21, 5, 0, UTC)),
        ("Wed Nov 26 05:21:05 2031", datetime(2031, 11, 26, 5, 21, 5, 0, UTC)),
        ("16 October 2031 17:00:00", datetime(2031, 10, 16, 17, tzinfo=UTC)),
        ("October 14, 2031 17:00:00", datetime(2031, 10, 14, 17, tzinfo=UTC)),
        ("october 14, 2031 5:00 pm", datetime(2031, 10, 14, 17, tzinfo=UTC)),
        ("Wed, 26 Nov 2031 18:21:05 GMT", datetime(2031, 11, 26, 18, 21, 5, 0, UTC)),
        ("Wed, 26 Nov 2031 18:21:05 +0100", datetime(2031, 11, 26, 17, 21, 5, 0, UTC)),
        ("Wed, 26 Nov 2031 18:21:05 EST", datetime(2031, 11, 26, 23, 21, 5, 0, UTC)),
        ("26 Nov 2031", datetime(2031, 11, 26, tzinfo=UTC)),
        ("2031-11-26", datetime(2031, 11, 26, tzinfo=UTC)),
        ("2031-11-26T18:21:05", datetime(2031, 11, 26, 18, 21, 5, 0, UTC)),
        (" 2031-11-26 18:21 ", datetime(2031, 11, 26, 18, 21, tzinfo=UTC)),
    ],
)
def test_dates_are_read_in_each_way_that_the_samples_and_sdks_write_them(text, expected):
    assert dates.parse(text) == expected.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2017-03-25T",
        "20170325",
        "26 2031",
        "Nov 2031",
        "26 Nov 2031 13:00 PM",
        "26 Nov 2031 18:21:60",
        "26 Nov 2031 25:00",
        "26 Nov Dec 2031",
        "26 Nov 2031 2031",
        "26 Nov 2031 BST",
        "26 Nov 2031 GMT+0160",
        "26 Nov 2031" + " " * 200 + "x",
        "Nov 26 2031 (" * 20,
        "Wed Jul 39 2017 20:53:46 GMT+0100 (BST)",
        "Wed Foo 19 2017 20:53:46 GMT+0100 (BST)",
        "Wed Jul 19 2017 20:53:46 GMT+9900",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_dates_refuse_what_is_none(text):
    with pytest.raises(ValueError):
        dates.parse(text)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2017, 7, 19, 19, 53, 46, 0, UTC), "Wed Jul 19 2017 20:53:46 GMT+0100 (BST)"),
        (datetime(2017, 1, 9, 0, 0, 1, 0, UTC), "Mon Jan 09 2017 00:00:01 GMT+0000 (GMT)"),
        (datetime(2026, 3, 29, 0, 59, 59, 0, UTC), "Sun Mar 29 2026 00:59:59 GMT+0000 (GMT)"),
        (datetime(2026, 3, 29, 1, 0, 0, 0, UTC), "Sun Mar 29 2026 02:00:00 GMT+0100 (BST)"),
        (datetime(2026, 10, 25, 0, 59, 59, 0, UTC), "Sun Oct 25 2026 01:59:59 GMT+0100 (BST)"),
        (datetime(2026, 10, 25, 1, 0, 0, 0, UTC), "Sun Oct 25 2026 01:00:00 GMT+0000 (GMT)"),
    ],
)
def test_dates_of_records_are_london_time_as_javascript_writes_it(moment, written):
    assert dates.javascript(moment.timestamp()) == written


def test_dates_of_passcodes_spell_the_zone_out():
    summer = datetime(2023, 4, 25, 15, 47, tzinfo=UTC).timestamp()
    winter = datetime(2023, 1, 25, 15, 47, tzinfo=UTC).timestamp()
    assert dates.javascript(summer, long=True).endswith("GMT+0100 (British Summer Time)")
    assert dates.javascript(winter, long=True).endswith("GMT+0000 (Greenwich Mean Time)")


@given(st.integers(0, 4_000_000_000_000))
def test_dates_that_are_written_can_be_read_again(milliseconds):
    seconds = milliseconds / 1000
    assert dates.parse(dates.javascript(seconds)) == int(seconds)
    assert dates.parse(dates.iso(seconds)) == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize(
    ("given_as", "kept_as"),
    [
        ("07700900123", "447700900123"),
        ("447700900123", "447700900123"),
        ("33123456789", "33123456789"),
        ("79161234567", "79161234567"),
        ("+447700900123", None),
        ("00447700900123", None),
        ("7700900123", None),
        ("4477009001", None),
        ("441632960000", None),
        ("44770090012345", None),
        ("07700 900123", None),
        ("٠٧٧٠٠٩٠٠١٢٣", None),
        ("123456", None),
        ("1" * 16, None),
        ("abc", None),
        ("", None),
    ],
)
def test_destinations_have_one_shape_on_the_wire(given_as, kept_as):
    assert destinations.normalise(given_as) == kept_as


def test_destinations_reserved_for_drama_are_delivered_but_for_twelve():
    results = {
        number: destinations.delivery_result(f"447700900{number:03}") for number in range(1000)
    }
    failing = {number: result for number, result in results.items() if result.status != "DELIVERED"}
    assert {number: result.code for number, result in failing.items()} == {
        number: number + 4500
        for number in (501, 502, 504, 506, 508, 509, 510, 511, 513, 515, 520, 534)
    }
    assert {result.status for result in failing.values()} == {"UNDELIVERED", "EXPIRED", "REJECTED"}
    assert results[515].status == "EXPIRED"
    assert {result.code for result in failing.values()} <= CODES.keys()


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


def test_flooding_filter_limits_messages_to_one_number_within_an_hour():
    flooding = FloodingFilter()
    for count in range(6):
        assert flooding.allows("447700900123", "Hello", count)
        flooding.note("447700900123", "Hello", count)
    assert not flooding.allows("447700900123", "Hello", 6)
    assert flooding.allows("447700900124", "Hello", 6)
    for count in range(14):
        assert flooding.allows("447700900123", f"Hello {count}", 6)
        flooding.note("447700900123", f"Hello {count}", 6)
    assert not flooding.allows("447700900123", "Goodbye", 6)
    assert flooding.allows("447700900123", "Hello", 3600)


def test_timeline_performs_acts_in_the_order_in_which_they_fall_due():
    timeline, done = Timeline(), []
    act = lambda subject, due: done.append((subject, due))  # noqa: E731
    timeline.add(2.0, act, "second")
    timeline.add(1.0, lambda subject, due: timeline.add(due, act, subject), "first")
    timeline.add(2.0, act, "third")
    timeline.add(9.0, act, "last")
    timeline.settle(3.0)
    assert done == [("first", 1.0), ("second", 2.0), ("third", 2.0)]
    assert timeline.next_due() == 9.0


def test_manual_clock_only_goes_forward_from_an_aware_datetime():
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.turn_to(clock.later(60))
    clock.turn_to(0.0)
    assert clock.now() == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    for seconds in (-1, 1e12, 1e30, float("inf"), float("nan")):
        with pytest.raises(ValueError):
            clock.later(seconds)
    with pytest.raises(ValueError):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
    assert RealClock().time() > clock.time() - 10**9


def test_error_object_has_a_text_for_its_status():
    assert error_object(5006, "once") == {
        "message": "The handset did not respond. (once)",
        "errorCode": 5006,
        "status": "FAILED",
        "permanent": False,
    }


@pytest.mark.parametrize(
    "file", sorted(Path(dates.__file__).parent.glob("*.py")), ids=lambda f: f.stem
)
def test_sandbox_shares_no_code_with_the_client(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or not node.module.startswith("smsworks_async")
        elif isinstance(node, ast.Import):
            assert not any(name.name.startswith("smsworks_async") for name in node.names)
