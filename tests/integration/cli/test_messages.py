"""The commands for single messages, against a sandbox; repeats are in `test_messages_repeated`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from smsworks_async import SMSWorks
from smsworks_async.sandbox import ManualClock
from support.command_docs import shapes
from support.command_messages import NUMBER, SEND, sent
from support.processes import environment
from support.sandboxes import HostedSandbox


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def is_shaped(record, name):
    return list(record) == list(shapes()[name])


def test_send_sends_one_text_and_shows_its_id(smsworks, hosted):
    done = smsworks(*SEND)
    assert done.code == 0, done.err
    (message,) = hosted.box.messages
    assert (message.destination, message.sender) == (NUMBER, "AcmeCorp")
    assert message.content == "Your order is ready"
    assert done.out.splitlines()[0] == f"Sent to {NUMBER}."
    assert message.message_id in done.out
    assert done.err == ""


@pytest.mark.parametrize("method", ["send", "flash"])
def test_send_and_flash_have_the_documented_shape(method, smsworks, hosted):
    record = sent(smsworks, method, *SEND[1:])
    assert is_shaped(record, method)
    assert record["destination"] == NUMBER
    assert record["segments"] == record["credits_used"] == 1
    assert hosted.box.messages[0].flash is (method == "flash")


def test_send_passes_its_options_on(smsworks, hosted):
    words = ("--tag", "spring", "--reference", "order-1", "--validity", "60")
    sent(smsworks, *SEND[:-1], "Don\u2019t", "--gsm", *words)
    (message,) = hosted.box.messages
    assert (message.content, message.tag, message.validity) == ("Don't", "spring", 60)
    assert {"key": "reference", "value": "order-1"} in message.metadata


def test_send_reads_the_text_from_standard_input(smsworks, hosted):
    done = smsworks(*SEND[:-1], "-", stdin="Line one\nLine two\n")
    assert done.code == 0
    assert hosted.box.messages[0].content == "Line one\nLine two"


@pytest.mark.parametrize(("words", "lines"), [(["balance"], 0), (["balance", "--debug"], 1)])
def test_command_shows_what_the_package_logs_only_where_it_is_asked_to(words, lines, smsworks):
    code = f"""
import logging
from smsworks_async.cli import main
from smsworks_async.resources.credits import AsyncCredits

async def balance(self):
    logging.getLogger("smsworks_async.x").warning("a word for developers")
    return 5.0

AsyncCredits.balance = balance
raise SystemExit(main({words}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (0, "5 credits\n")
    assert done.stderr.count("a word for developers") == lines


def test_send_of_a_text_without_quotation_marks_shows_no_word_of_it(smsworks, hosted):
    done = smsworks(*SEND[:-1], "Your", "passcode", "is", "481516")
    assert (done.code, hosted.box.accepted()) == (2, 0)
    assert "quotation marks" in done.error
    assert "481516" not in done.err


def test_send_to_somebody_who_has_opted_out_is_no_failure(smsworks, hosted, tmp_path):
    journal = str(tmp_path / "own.db")
    with SMSWorks("eyJ", journal=journal) as sms:
        sms.opt_outs.add(NUMBER)
    done = smsworks(*SEND, "--respect-opt-outs", "--journal", journal, "--json")
    assert done.code == 0
    assert done.record == {"destination": NUMBER, "status": "OPTED_OUT"}
    assert hosted.box.accepted() == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("send", "--to", "0131 496 0000", *SEND[3:]), "not a UK mobile"),
        (("send", "--to", "+33 6 12 34 56 78", *SEND[3:]), "unless --international is given"),
        ((*SEND[:3], "--sender", "A", "Hello"), "sender"),
        ((*SEND[:-1], ""), "content"),
        ((*SEND[:-1], "x" * 2000), "1280"),
        (("send", *SEND[3:]), "--to"),
    ],
)
def test_send_of_what_cannot_be_sent_is_a_usage_error(words, told, smsworks, hosted):
    done = smsworks(*words)
    assert done.code == 2
    assert told in done.error
    assert hosted.box.requests == []


def test_send_without_an_account_says_where_to_get_one(command_line):
    done = command_line(*SEND)
    assert done.code == 2
    assert "smsworks login" in done.error
    assert "smsworks sandbox" in done.error
    assert not command_line.home.exists()


def test_send_without_a_connection_sent_nothing(smsworks, free_port):
    smsworks.set(BASE_URL=f"http://127.0.0.1:{free_port}/v1")
    done = smsworks(*SEND, "--json")
    assert done.code == 3
    error = json.loads(done.err)
    assert is_shaped(error, "error")
    assert (error["error"], error["exit_code"]) == ("NotSent", 3)


def test_send_where_the_journal_cannot_be_written_sends_nothing(smsworks, hosted, tmp_path):
    done = smsworks(*SEND, "--journal", str(tmp_path / "nowhere" / "sms.db"))
    assert done.code == 3
    assert done.error
    assert hosted.box.requests == []


def test_schedule_shows_the_time_and_scheduled_and_cancel_know_it(smsworks, hosted):
    words = ("--at", "2031-04-01T09:00+01:00", *SEND[1:])
    record = sent(smsworks, "schedule", *words)
    assert is_shaped(record, "schedule")
    assert record["schedule"] == "2031-04-01T09:00:00+01:00"
    listed = smsworks("scheduled", "--json")
    assert is_shaped(listed.record, "scheduled")
    assert listed.record["message_id"] == record["message_id"]
    assert NUMBER in smsworks("scheduled").out
    cancelled = smsworks("cancel", record["message_id"], "--json")
    assert is_shaped(cancelled.record, "cancel")
    assert cancelled.record["status"] == "CANCELLED"
    assert smsworks("scheduled").out == "Nothing is scheduled.\n"
    assert smsworks("scheduled", "--all", "--json").record["status"] == "CANCELLED"
    assert smsworks("cancel", "1234").code == 1


@pytest.mark.parametrize("at", ["tomorrow", "2031-13-01", "09:00", "2031-04-01T25:00"])
def test_schedule_refuses_what_is_no_time_with_an_example(at, smsworks, hosted):
    done = smsworks("schedule", "--at", at, *SEND[1:])
    assert done.code == 2
    assert "2031-04-01T09:00" in done.error
    assert hosted.box.requests == []


def test_get_wait_and_search_have_the_documented_shape(smsworks, hosted):
    message_id = sent(smsworks)["message_id"]
    waited = smsworks("wait", message_id, "--json")
    assert waited.code == 0
    for done in (
        waited,
        smsworks("get", message_id, "--json"),
        smsworks("search", "--to", "07700 900123", "--json"),
        smsworks("search", "--all", "--json"),
    ):
        assert is_shaped(done.record, "get")
        assert done.record["message_id"] == message_id
        assert done.record["status"] == "DELIVERED"
    assert "DELIVERED" in smsworks("get", message_id).out
    assert message_id in smsworks("search").out
    assert smsworks("search", "--sender", "Nobody").out == "No message matches.\n"
    assert smsworks("search", "--failed", "--json").records == []
    assert smsworks("search", "--failed", "--all").code == 2
    assert smsworks("search", "--since", "1h", "--json").record["message_id"] == message_id
    assert smsworks("search", "--until", "1h", "--json").records == []


def test_wait_ends_with_1_for_a_message_that_was_not_delivered_or_not_in_time(smsworks):
    to = "447700900506"
    failing = sent(smsworks, "send", "--to", to, "--sender", "AcmeCorp", "Hello")
    done = smsworks("wait", failing["message_id"], "--json")
    assert done.record["status"] != "DELIVERED"
    assert done.code == 1
    late = sent(smsworks)
    assert smsworks("wait", late["message_id"], "--timeout", "0").code == 1


def test_search_says_where_there_may_be_more(smsworks):
    for number in range(3):
        sent(smsworks, "send", "--to", f"0770090010{number}", *SEND[3:])
    done = smsworks("search", "--limit", "2")
    assert done.out.count("\n") == 3
    assert "--all" in done.error


def reply(hosted, text="Yes", number=NUMBER):
    return hosted.do(lambda box: box.receive(sender=number, to="447700900000", content=text))


def test_inbox_lists_replies_and_marks_none_as_read(smsworks, hosted):
    assert smsworks("inbox").out == "There are no replies.\n"
    message_id = reply(hosted, "Yes\n\x1b[2Jplease")
    for words in (("inbox",), ("inbox", "--unread"), ("inbox", "--unread", "--mark-read")):
        done = smsworks(*words, "--json")
        assert is_shaped(done.record, "inbox")
        assert done.record["message_id"] == message_id
    assert smsworks("inbox", "--unread").out == "There are no unread replies.\n"
    shown = smsworks("inbox").out
    assert NUMBER in shown
    assert "\x1b" not in shown
    assert "\\x1b[2Jplease" in shown
    assert smsworks("inbox", "--follow", "--unread").code == 2


def test_inbox_names_the_command_that_records_opt_outs(smsworks, hosted):
    reply(hosted, "Yes")
    assert smsworks("inbox").err == ""
    reply(hosted, "STOP")
    assert "`smsworks optouts fetch` adds them" in smsworks("inbox").err


def test_inbox_follow_begins_now(command_line):
    clock = ManualClock(datetime.now(UTC) - timedelta(minutes=5))
    with HostedSandbox(clock=clock) as hosted:
        command_line.use(hosted.box)
        reply(hosted, "before")
        hosted.do(lambda box: box.advance(600))
        follower = command_line.start("inbox", "--follow", "--every", "0.05", "--json")
        try:
            assert "waiting" in follower.stderr.readline()
            hosted.do(lambda box: box.advance(60))
            reply(hosted, "after")
            assert json.loads(follower.stdout.readline())["content"] == "after"
        finally:
            follower.send_signal(signal.SIGINT)
            follower.communicate(timeout=60)


def test_inbox_follows_replies_and_records_who_has_opted_out(smsworks, hosted):
    reply(hosted, "before")
    follower = smsworks.start("inbox", "--follow", "--every", "0.05", "--since", "1m", "--json")
    try:
        assert json.loads(follower.stdout.readline())["content"] == "before"
        reply(hosted, "STOP")
        assert json.loads(follower.stdout.readline())["content"] == "STOP"
    finally:
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=60)
    assert follower.returncode == 130
    assert out == ""
    told = json.loads(err.splitlines()[-1])
    assert (told["error"], told["message"]) == ("Interrupted", "interrupted")
    done = smsworks(*SEND, "--respect-opt-outs")
    assert "has opted out" in done.out


def test_otp_send_shows_no_passcode_and_verify_its_verdict(smsworks, hosted):
    done = smsworks("otp", "send", *SEND[1:-1], "--json")
    assert done.code == 0
    assert is_shaped(done.record, "otp send")
    (message,) = hosted.box.messages
    passcode = "".join(filter(str.isdigit, message.content))[:6]
    assert passcode not in done.out
    wrong = smsworks("otp", "verify", "--to", "07700 900123", "000", "--json")
    assert wrong.code == 1
    assert is_shaped(wrong.record, "otp verify")
    right = smsworks("otp", "verify", "--to", "07700 900123", passcode, "--json")
    assert right.code == 0, right.out
    assert is_shaped(right.record, "otp verify")
    assert right.record["verified"] is True
    assert "Not valid" in smsworks("otp", "verify", "--to", "07700 900123", passcode).out


def test_otp_verify_exits_with_its_verdict_although_nobody_reads_it(smsworks):
    words = ("otp", "verify", "--to", "07700 900123", "000000")
    with smsworks.start(*words, stdin=subprocess.DEVNULL) as process:
        process.stdout.close()
        assert process.wait(60) == 1
