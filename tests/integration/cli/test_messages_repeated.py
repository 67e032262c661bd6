"""Single messages that are sent again: repeats, unknown outcomes and idempotency keys."""

from __future__ import annotations

import functools
import json
import signal
import threading
import time

import pytest

from smsworks_async import KeyInUse
from smsworks_async.journals.sqlite import SQLiteJournal
from smsworks_async.resources.messages import AsyncMessages
from smsworks_async.sandbox import Fault
from support.command_messages import NUMBER, SEND, sent
from support.waiting import when_held


def test_send_again_within_the_hour_sends_nothing_and_says_how_to(smsworks, hosted):
    first = sent(smsworks)
    again = smsworks("send", "--to", "+44 7700 900123", *SEND[3:])
    assert again.code == 3
    assert again.out == ""
    assert first["message_id"] in again.err
    assert "--again" in again.err
    assert hosted.box.accepted(NUMBER) == 1
    assert smsworks(*SEND, "--again").code == 0
    assert hosted.box.accepted(NUMBER) == 2
    assert smsworks(*SEND).code == 3
    assert hosted.box.accepted(NUMBER) == 2


def test_send_again_with_json_is_an_error_as_json(smsworks, hosted):
    first = sent(smsworks)
    again = smsworks(*SEND, "--json")
    error = json.loads(again.err)
    assert (again.code, error["exit_code"], error["error"]) == (3, 3, "NotSent")
    assert first["message_id"] in error["message"]
    assert "--again" in error["message"]
    assert hosted.box.accepted(NUMBER) == 1


@pytest.mark.parametrize("words", [("--json",), ()])
def test_send_of_half_a_surrogate_pair_is_refused_for_its_text(words, smsworks, hosted):
    done = smsworks(*SEND[:-1], "caf\udce9", *words)
    assert (done.code, done.out) == (2, "")
    assert "surrogate" in done.err
    assert hosted.box.accepted() == 0


@pytest.mark.parametrize(
    "other",
    [
        ("send", "--to", "07700 900124", *SEND[3:]),
        ("send", *SEND[1:3], "--sender", "Other", SEND[-1]),
        (*SEND[:-1], "Another text"),
        ("flash", *SEND[1:]),
    ],
)
def test_send_of_another_text_is_no_repeat(other, smsworks, hosted):
    sent(smsworks)
    assert smsworks(*other).code == 0
    assert hosted.box.accepted() == 2


def test_send_again_after_an_hour_is_no_repeat(smsworks, hosted, monkeypatch):
    sent(smsworks)
    for ahead in (3500.0, 3700.0, 8000.0, 2 * 86400.0):
        set_ahead(monkeypatch, ahead)
        assert smsworks(*SEND).code == (3 if ahead < 3600 else 0)
    assert hosted.box.accepted(NUMBER) == 4


def set_ahead(monkeypatch, seconds):
    """Set the clock of the journals that are opened after this call."""
    opened = functools.partialmethod(_INIT, clock=lambda: time.time() + seconds)
    monkeypatch.setattr(SQLiteJournal, "__init__", opened)


_INIT = SQLiteJournal.__init__


def test_send_with_an_unknown_outcome_is_looked_for_when_it_is_repeated(smsworks, hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when="after")))
    lost = smsworks(*SEND)
    assert lost.code == 4, lost.err
    assert "same command" in lost.error
    found = smsworks(*SEND, "--json")
    assert found.code == 0, found.err
    assert found.record["replayed"] is True
    assert hosted.box.accepted(NUMBER) == 1
    assert smsworks(*SEND, "--again").code == 0
    assert hosted.box.accepted(NUMBER) == 2


def test_send_that_is_interrupted_is_looked_for_when_it_is_repeated(smsworks, hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when="hold")))
    held = threading.Event()
    hosted.do(lambda box: when_held(box, held.set))
    process = smsworks.start(*SEND)
    assert held.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    hosted.do(lambda box: box.release())
    assert (process.returncode, out) == (130, "")
    assert err.startswith("smsworks: interrupted; ")
    assert "not known whether it was accepted" in err
    assert err.count("\n") == 1
    again = smsworks(*SEND, "--json")
    assert again.code == 0, again.err
    assert "is being looked for" in again.error
    assert again.record["replayed"] is True
    assert hosted.box.accepted(NUMBER) == 1


def test_send_beside_another_one_of_the_same_text_says_so(smsworks, hosted, monkeypatch):
    async def send(self, **_):
        raise KeyInUse("messages.send: another call with this idempotency_key")

    monkeypatch.setattr(AsyncMessages, "send", send)
    done = smsworks(*SEND)
    assert done.code == 3
    assert "run this command again in a minute" in done.error
    assert "idempotency" not in done.error


def test_send_that_was_refused_is_sent_when_it_is_repeated(smsworks, hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", error_code=4003)))
    refused = smsworks(*SEND)
    assert refused.code == 3
    assert refused.error
    assert smsworks(*SEND).code == 0
    assert hosted.box.accepted(NUMBER) == 1


def test_send_that_was_refused_is_sent_with_other_options(smsworks, hosted):
    hosted.do(lambda box: setattr(box, "credits", 0.0))
    assert smsworks(*SEND, "--tag", "a").code == 3
    hosted.do(lambda box: setattr(box, "credits", 10.0))
    assert smsworks(*SEND, "--tag", "b").code == 0
    assert hosted.box.accepted(NUMBER) == 1


def test_send_in_doubt_is_not_sent_with_other_options(smsworks, hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when="before")))
    assert smsworks(*SEND, "--tag", "a").code == 4
    other = smsworks(*SEND, "--tag", "b")
    assert (other.code, hosted.box.accepted()) == (2, 0)
    assert "with other options, has an unknown outcome" in other.err.splitlines()[-1]


def test_schedule_for_the_same_time_in_another_zone_is_a_repeat(smsworks, hosted):
    words = ("schedule", *SEND[1:], "--at")
    assert smsworks(*words, "2031-04-01T09:00+00:00").code == 0
    assert smsworks(*words, "2031-04-01T10:00+01:00").code == 3
    assert len(hosted.box.messages) == 1


def test_send_with_a_key_shows_the_first_answer_again(smsworks, hosted):
    first = sent(smsworks, *SEND, "--idempotency-key", "order-1234")
    again = sent(smsworks, *SEND, "--idempotency-key", "order-1234")
    assert (again["message_id"], again["replayed"]) == (first["message_id"], True)
    assert hosted.box.accepted(NUMBER) == 1
    other = smsworks(*SEND[:-1], "Another text", "--idempotency-key", "order-1234")
    assert other.code == 2
    both = smsworks(*SEND, "--idempotency-key", "order-1234", "--again")
    assert both.code == 2


def test_otp_send_with_a_key_sends_one_passcode(smsworks, hosted):
    words = ("otp", "send", *SEND[1:-1], "--idempotency-key", "login-1", "--json")
    first, again = smsworks(*words).record, smsworks(*words).record
    assert first["message_id"] == again["message_id"]
    assert again["replayed"] is True
    assert hosted.box.accepted() == 1


def test_two_sends_of_the_same_text_at_once_send_one(smsworks, hosted):
    processes = [smsworks.start(*SEND) for _ in range(3)]
    codes = []
    waiters = [threading.Thread(target=lambda p=p: p.communicate(timeout=60)) for p in processes]
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join()
    codes = [process.returncode for process in processes]
    assert hosted.box.accepted(NUMBER) == 1
    assert set(codes) <= {0, 3}
    assert 0 in codes
