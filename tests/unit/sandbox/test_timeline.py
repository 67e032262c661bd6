from smsworks_async.sandbox.timeline import Timeline


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
