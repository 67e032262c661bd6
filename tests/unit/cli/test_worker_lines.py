"""A worker's output if it is not a terminal."""

from __future__ import annotations

from smsworks_async.cli._app import App
from smsworks_async.cli._worker import Worker
from smsworks_async.models.report import BulkProgress
from support.clock import FakeClock


def test_worker_writes_a_line_every_ten_seconds(capsys):
    clock = FakeClock()
    with Worker(App(), "x", clock=clock.monotonic) as worker:
        for second in range(25):
            worker.progress(BulkProgress(read=50, planned=50, accepted=second, seconds=second))
            clock.advance(1)
    assert capsys.readouterr().out.splitlines() == [
        "10 of 50 done, 1 per second",
        "20 of 50 done, 1 per second",
    ]


def test_worker_names_what_it_waits_for(capsys):
    clock = FakeClock()
    with Worker(App(), "x", clock=clock.monotonic) as worker:
        clock.advance(11)
        worker.progress(BulkProgress(planned=5, waiting_for="the rate"))
    assert capsys.readouterr().out == "0 of 5 done, 0 per second; waiting for the rate\n"
