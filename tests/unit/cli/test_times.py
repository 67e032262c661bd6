import time
from datetime import UTC, datetime, timedelta

import click
import pytest

from smsworks_async.cli._times import Moment


@pytest.fixture
def london(monkeypatch):
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be set here")
    monkeypatch.setenv("TZ", "Europe/London")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(text, **options):
    return Moment(**options).convert(text, None, None)


@pytest.mark.usefixtures("london")
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2031-01-15T09:00", "2031-01-15T09:00:00+00:00"),
        ("2031-07-15T09:00", "2031-07-15T09:00:00+01:00"),
        ("2031-07-15 09:00:30", "2031-07-15T09:00:30+01:00"),
        ("2031-07-15T09:00+02:00", "2031-07-15T09:00:00+02:00"),
        ("2031-07-15T09:00Z", "2031-07-15T09:00:00+00:00"),
        ("2031-07-15", "2031-07-15T00:00:00+01:00"),
        ("2031-10-26T01:30+00:00", "2031-10-26T01:30:00+00:00"),
    ],
)
def test_moment_reads_iso_8601_in_the_local_time_zone(text, moment):
    assert read(text).isoformat() == moment


@pytest.mark.usefixtures("london")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2031-03-30T01:30", "does not exist"),
        ("2031-10-26T01:30", "occurs twice"),
        ("soon", "2031-04-01T09:00"),
        ("2h", "2031-04-01T09:00"),
    ],
)
def test_moment_refuses_what_is_no_single_moment(text, told):
    with pytest.raises(click.BadParameter, match=told):
        read(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("4w", timedelta(weeks=4)),
    ],
)
def test_moment_reads_how_long_ago_it_was(text, span):
    assert abs(datetime.now(UTC) - span - read(text, ago=True)) < timedelta(minutes=5)


@pytest.mark.parametrize("text", ["h", "-2h", "2 months", "1234567d", "2.5h"])
def test_moment_refuses_spans_that_are_none_with_an_example(text):
    with pytest.raises(click.BadParameter, match="2h or 7d"):
        read(text, ago=True)


@pytest.mark.parametrize(
    "text",
    [
        *("999999w", "999999d", "0001-01-01", "9999-12-31T23:59:59"),
        *("0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"),
    ],
)
def test_moment_refuses_what_is_beyond_the_calendar(text, monkeypatch):
    if hasattr(time, "tzset"):
        # In one zone or the other, each end of the calendar has no local time.
        monkeypatch.setenv("TZ", "Etc/GMT-14" if text.startswith("0001") else "Etc/GMT+12")
        time.tzset()
    try:
        with pytest.raises(click.BadParameter, match="beyond the calendar"):
            read(text, ago=True)
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()
