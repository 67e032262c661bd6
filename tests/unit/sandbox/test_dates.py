from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.sandbox import dates


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
