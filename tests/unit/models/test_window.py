"""Sending windows: open minutes, across midnight and daylight saving changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import SendWindow, ValidationError


LONDON = ZoneInfo("Europe/London")
DAY = SendWindow("09:00", "20:00")


def at(text, zone=LONDON, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2031-05-01 08:59:59", False),
        ("2031-05-01 09:00", True),
        ("2031-05-01 19:59:59.9", True),
        ("2031-05-01 20:00", False),
    ],
)
def test_window_includes_its_start_and_not_its_end(when, is_open):
    assert DAY.is_open(at(when)) is is_open


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2031-05-02 21:59", False),  # a Friday
        ("2031-05-02 22:00", True),
        ("2031-05-03 01:59", True),  # which belongs to Friday's
        ("2031-05-03 02:00", False),
        ("2031-05-03 22:30", False),
        ("2031-05-05 01:00", False),  # Monday morning belongs to Sunday's
    ],
)
def test_window_over_midnight_belongs_to_the_day_on_which_it_opens(when, is_open):
    window = SendWindow("22:00", "02:00", days="mon-fri")
    assert window.is_open(at(when)) is is_open


@pytest.mark.parametrize("end", ["24:00", " 24:00 ", "00:00", time(0)])
@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2031-05-02 17:59", False),  # a Friday
        ("2031-05-02 18:00", True),
        ("2031-05-02 23:59:59.9", True),
        ("2031-05-03 00:00", False),
        ("2031-05-04 23:00", False),
        ("2031-05-05 00:00", False),
    ],
)
def test_window_may_end_at_the_end_of_the_day(end, when, is_open):
    window = SendWindow("18:00", end, days="mon-fri")
    assert window.is_open(at(when)) is is_open
    assert str(window) == "18:00 to 24:00, Europe/London"
    assert SendWindow.unpack(window.pack()) == window


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2031-05-01 23:59:59.9", True),
        ("2031-05-02 00:00", True),
        ("2031-05-02 23:59:59.9", True),  # a Friday
        ("2031-05-03 00:00", False),
        ("2031-05-04 23:59:59.9", False),
        ("2031-05-05 00:00", True),
        ("2031-03-31 00:00", True),  # after the clocks have changed
    ],
)
def test_window_may_be_of_whole_days(when, is_open):
    window = SendWindow("00:00", "24:00", days="mon-fri")
    assert window.is_open(at(when)) is is_open
    assert SendWindow.unpack(window.pack()) == window


@pytest.mark.parametrize(("day", "hours"), [("2031-03-30", 23), ("2031-10-26", 25)])
def test_window_of_a_whole_day_is_as_long_as_that_day(day, hours):
    window = SendWindow("00:00", "24:00", days="sun")
    opens = at(f"{day} 00:00")
    assert window.opens(opens - 3600) == opens
    assert all(window.is_open(opens + minute * 60) for minute in range(hours * 60))
    assert not window.is_open(opens + hours * 3600)
    assert not window.is_open(opens - 60)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ("mon-sun", {0, 1, 2, 3, 4, 5, 6}),
        ("MON - Fri", {0, 1, 2, 3, 4}),
        ("sat-mon", {5, 6, 0}),
        ("wed,sun", {2, 6}),
        ("tue-tue", {1}),
        (SendWindow("09:00", "20:00", days="wed,sun").days, {2, 6}),
    ],
)
def test_window_days(days, found):
    assert SendWindow("09:00", "20:00", days=days).days == found


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2031-05-01 12:00:30", "2031-05-01 12:00:30"),
        ("2031-05-01 20:00", "2031-05-02 09:00"),
        # In March the clocks go forward, in October back: 09:00 is local time.
        ("2031-03-29 20:00", "2031-03-30 09:00"),
        ("2031-10-25 20:00", "2031-10-26 09:00"),
    ],
)
def test_window_opens_by_the_clock_on_the_wall(now, opens):
    assert DAY.opens(at(now)) == at(opens)


def test_window_night_is_an_hour_shorter_and_longer_when_the_clocks_change():
    assert DAY.opens(at("2031-03-29 20:00")) - at("2031-03-29 20:00") == 12 * 3600
    assert DAY.opens(at("2031-10-25 20:00")) - at("2031-10-25 20:00") == 14 * 3600


def test_window_that_begins_in_a_skipped_hour_opens_when_that_hour_is_over():
    window = SendWindow("01:30", "05:00")
    assert window.opens(at("2031-03-30 00:30")) == at("2031-03-30 02:00")
    assert not SendWindow("01:10", "01:50").is_open(at("2031-03-30 02:00"))
    assert SendWindow("01:10", "01:50").opens(at("2031-03-30 00:30")) == at("2031-03-31 01:10")


def test_window_in_a_repeated_hour_is_open_twice():
    window = SendWindow("01:10", "01:50")
    assert window.is_open(at("2031-10-26 01:20"))
    assert not window.is_open(at("2031-10-26 01:50"))
    assert window.is_open(at("2031-10-26 01:20", fold=1))
    assert window.opens(at("2031-10-26 01:50")) == at("2031-10-26 01:10", fold=1)


def test_window_never_opens_where_the_clocks_skip_its_only_hour_of_fifteen_days():
    window = SendWindow("01:10", "01:50", days="sun", outside="stop")
    assert window.opens(at("2031-03-24 00:00")) == at("2031-04-06 01:10")


times = st.times().map(lambda t: t.replace(second=0, microsecond=0))
moments = st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001 - UTC below
    lambda moment: moment.replace(tzinfo=UTC).timestamp()
)
zones = st.sampled_from(["Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"])


@given(times, times, zones, moments)
def test_window_opens_at_its_first_open_minute(start, end, zone, now):
    if start == end != time(0):
        return
    window = SendWindow(start, end, tz=zone)
    opens = window.opens(now)
    assert window.is_open(opens)
    assert now <= opens <= now + 2 * 86400
    if opens > now:
        assert not window.is_open(now)
        assert not window.is_open(opens - 1)
    assert SendWindow.unpack(window.pack()) == window


def test_window_is_by_the_wall_of_its_zone_all_year():
    window = SendWindow(time(9), time(17), tz="America/New_York")
    day = datetime(2031, 1, 1, 12, tzinfo=ZoneInfo("America/New_York"))
    assert all(window.is_open((day + timedelta(days=n)).timestamp()) for n in range(365))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"start": "9"}, "window.start"),
        ({"start": "24:00"}, "window.start"),
        ({"end": "09:00:30"}, "window.end"),
        ({"end": None}, "window.end"),
        ({"end": "24:01"}, "window.end"),
        ({"end": "24"}, "window.end"),
        ({"end": time(9, 0, 1)}, "window.end"),
        ({"end": time(9, tzinfo=UTC)}, "window.end"),
        ({"end": "09:00"}, "window.end"),
        ({"tz": "Europe/Nowhere"}, "window.tz"),
        ({"tz": "../etc/passwd"}, "window.tz"),
        ({"tz": ""}, "window.tz"),
        ({"tz": None}, "window.tz"),
        ({"days": ""}, "window.days"),
        ({"days": "mon-"}, "window.days"),
        ({"days": "monday"}, "window.days"),
        ({"days": None}, "window.days"),
        ({"days": frozenset()}, "window.days"),
        ({"days": frozenset({6, 7})}, "window.days"),
        ({"outside": "skip"}, "window.outside"),
    ],
)
def test_window_refuses(arguments, field):
    with pytest.raises(ValidationError) as caught:
        SendWindow(**{"start": "09:00", "end": "20:00", **arguments})
    assert caught.value.field == field


@pytest.mark.parametrize(("start", "end"), [("9", "20"), ("9am", "20:00"), ("09:00", "24")])
def test_window_shows_how_to_write_its_times(start, end):
    with pytest.raises(ValidationError, match=r'SendWindow\("09:00", "20:00"\)'):
        SendWindow(start, end)
