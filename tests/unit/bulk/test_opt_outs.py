from smsworks_async.bulk.opt_outs import OptOutView
from smsworks_async.models.opt_outs import OptOutChanges


def test_learn_ignores_what_another_task_has_read_meanwhile():
    view = OptOutView(None)
    view.learn(OptOutChanges(3, ["447700900001"], ["447700900002"]))
    view.learn(OptOutChanges(2, ["447700900002"], ["447700900001"]))
    assert view.last == 3
    assert view.is_out("447700900001")
    assert not view.is_out("447700900002")
