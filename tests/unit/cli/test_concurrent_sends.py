"""Which of several campaigns is sent if they share recipients and start together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smsworks_async.cli._concurrent_sends import POLL_INTERVAL, TIMEOUT, find_conflict
from smsworks_async.cli._earlier import Earlier, shared_message
from smsworks_async.cli._overlaps import Overlap


def sharing(name="june", count=3, *, is_later=True, has_begun=False, age=0.0):
    return Overlap(name, count, timedelta(seconds=age), is_later, has_begun)


def knowing(*sharing):
    return Earlier("may", overlaps=sharing, count=sum(one.count for one in sharing))


ALONE = knowing()
LATER = knowing(sharing())
BEGUN = knowing(sharing(has_begun=True))
FIRST = knowing(sharing(is_later=False))


def give_way(*looks, before=ALONE, check=lambda: None):
    """Return the result of `find_conflict` after these reads, and the seconds that it waited."""
    left, now = list(looks), [0.0]

    def sleep(seconds):
        now[0] += seconds

    def look():
        return left.pop(0) if len(left) > 1 else left[0]

    found = find_conflict(look, before, check=check, sleep=sleep, clock=lambda: now[0])
    return found, round(now[0], 3)


@pytest.mark.parametrize(
    ("looks", "gives_way", "waited"),
    [
        ([ALONE], False, 0),
        ([FIRST], True, 0),
        ([BEGUN], True, 0),
        ([LATER, LATER, ALONE], False, 2 * POLL_INTERVAL),
        ([LATER, BEGUN], True, POLL_INTERVAL),
        ([LATER, FIRST], True, POLL_INTERVAL),
        ([knowing(sharing(), sharing("july", is_later=False))], True, 0),
    ],
)
def test_find_conflict_waits_for_later_campaigns_alone(looks, gives_way, waited):
    found, seconds = give_way(*looks)
    assert (found is not None, seconds) == (gives_way, waited)


def test_find_conflict_gives_way_to_one_that_neither_begins_nor_ends():
    found, seconds = give_way(LATER)
    assert found is LATER
    assert TIMEOUT <= seconds <= TIMEOUT + POLL_INTERVAL


def test_find_conflict_goes_on_where_the_user_has_agreed_to_what_is_shared():
    assert give_way(FIRST, before=FIRST) == (None, 0)
    more = knowing(sharing(count=4, is_later=False))
    assert give_way(more, before=FIRST)[0] is more


def test_find_conflict_sees_another_campaign_of_those_who_were_in_one_before():
    # Their count is the same: they are in two recent campaigns now.
    both = Earlier("may", overlaps=(sharing("june"), sharing("april", is_later=False)), count=3)
    before = Earlier("may", overlaps=(sharing("april", is_later=False),), count=3)
    assert give_way(both, ALONE, before=before) == (None, POLL_INTERVAL)
    assert [one.name for one in both.new_overlaps(before)] == ["june"]


def test_find_conflict_ends_when_a_stop_is_asked_for():
    class Stop(Exception):
        pass

    def check():
        raise Stop

    with pytest.raises(Stop):
        give_way(LATER, check=check)


def test_shared_message_tells_recent_campaigns_from_unfinished_ones():
    old = Overlap("may", 1, timedelta(days=30), is_later=False, has_begun=True, is_recent=False)
    assert shared_message(knowing(old)) == (
        "1 recipient is still to be texted by an older one (may, 30 days ago)"
    )
    assert shared_message(knowing(sharing(), old)) == (
        "4 recipients were in a campaign of the last 6 days or are still to be texted by an older "
        "one (june, just now, may, 30 days ago)"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (119, "just now"),
        (120, "2 minutes ago"),
        (7199, "119 minutes ago"),
        (7200, "2 hours ago"),
        (47.9 * 3600, "47 hours ago"),
        (48 * 3600, "2 days ago"),
    ],
)
def test_shared_message_name_how_long_ago(seconds, words):
    told = shared_message(knowing(sharing(age=seconds)))
    assert told == f"3 recipients were in a campaign of the last 6 days (june, {words})"
