from datetime import UTC, datetime

import pytest

from smsworks_async.sandbox.clock import ManualClock, RealClock


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
