from smsworks_async.sandbox.timeline import Timeline


def test_timeline_performs_acts_in_the_order_in_which_they_fall_due():
    timeline, done = Timeline(), []
    timeline.acts["note"] = lambda subject, due: done.append((subject, due))
    timeline.acts["add"] = lambda subject, due: timeline.add(due, "note", subject)
    timeline.add(2.0, "note", "second")
    timeline.add(1.0, "add", "first")
    timeline.add(2.0, "note", "third")
    timeline.add(9.0, "note", "last")
    timeline.settle(3.0)
    assert done == [("first", 1.0), ("second", 2.0), ("third", 2.0)]
    assert timeline.next_due() == 9.0
