"""`smsworks campaign send` interrupted and continued: no recipient is texted twice."""

from __future__ import annotations

import signal
import time

import pytest

from smsworks_async.sandbox import Fault
from support.spreadsheets import csv_bytes, xlsx_bytes
from support.waiting import PATIENCE


TEXT = "We open at nine. Reply STOP to opt out."
COUNT = 40


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    rows = [("Name", "Mobile"), *((f"Ada {n}", f"07700 900{n:03d}") for n in range(COUNT))]
    path.write_bytes(csv_bytes(rows))
    return path


def send(file, *options, text=TEXT):
    words = ("--sender", "AcmeCorp", "--message", text, "--yes", "--chunk-size", "5")
    return ("campaign", "send", str(file), *words, *options)


def wait_for(condition, process):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)


def ended(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def numbers(hosted):
    return sorted(message.destination for message in hosted.box.messages)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_campaign_send_stops_cleanly_and_the_same_command_goes_on(
    smsworks, hosted, file, tmp_path, ending
):
    text = f"Hi {{Name}}. {TEXT}"
    with smsworks.start(*send(file, "--max-rate", "4", text=text)) as process:
        wait_for(lambda: len(numbers(hosted)) >= 10, process)
        process.send_signal(ending)
        code, _, err = ended(process)
    before = len(numbers(hosted))
    assert code == 130
    assert 10 <= before < COUNT
    assert f"stopped: {before} accepted, {COUNT - before} not sent, none unknown" in err
    # Meanwhile a spreadsheet program has saved the list again, with numbers.
    rows = [("Name", "Mobile"), *((f"Ada {n}", float(f"7700900{n:03d}")) for n in range(COUNT))]
    (tmp_path / "people.xlsx").write_bytes(xlsx_bytes(rows))
    done = smsworks(*send(tmp_path / "people.xlsx", text=text))
    assert done.code == 0, done.err
    assert {message.content[:6] for message in hosted.box.messages} == {"Hi Ada"}
    assert numbers(hosted) == [f"447700900{n:03d}" for n in range(COUNT)]


def test_campaign_send_says_how_many_were_sent_to_before_it_goes_on(smsworks, hosted, file):
    with smsworks.start(*send(file, "--max-rate", "4")) as process:
        wait_for(lambda: len(numbers(hosted)) >= 10, process)
        process.send_signal(signal.SIGINT)
        ended(process)
    before = len(numbers(hosted))
    words = [word for word in send(file) if word != "--yes"]
    done = smsworks(*words, stdin="n\n")
    assert done.code == 3
    assert (
        f"{before} recipients were sent to before. Continue with the other {COUNT - before}?"
        in done.err
    )
    assert len(numbers(hosted)) == before
    assert smsworks(*words, stdin="y\n").code == 0
    assert len(set(numbers(hosted))) == len(numbers(hosted)) == COUNT


def test_campaign_send_waits_for_the_answer_that_is_under_way_when_it_is_stopped(
    smsworks, hosted, file
):
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", nth=3, when="hold")))
    with smsworks.start(*send(file, "--max-rate", "4")) as process:
        wait_for(lambda: len(numbers(hosted)) >= 15, process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        hosted.do(lambda box: box.release())
        code, _, err = ended(process)
    assert code == 130
    assert "none unknown" in err
    assert smsworks(*send(file)).code == 0
    assert len(set(numbers(hosted))) == len(numbers(hosted)) == COUNT


def test_campaign_send_ends_at_once_when_it_is_stopped_twice(smsworks, hosted, file):
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", nth=1, times=0, when="hold")))
    with smsworks.start(*send(file)) as process:
        wait_for(lambda: numbers(hosted), process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process)
        hosted.do(lambda box: box.release())
    assert code == 130
    assert "interrupted; 0 recipients were accepted; the outcome of 40 recipients" in err
    assert "run the same command to look for texts whose outcome is unknown" in err


def test_campaign_send_that_is_interrupted_before_it_sends_says_so(smsworks, hosted, file):
    hosted.do(lambda box: box.add_fault(Fault(path="/credits/balance", when="hang")))
    with smsworks.start(*send(file)) as process:
        wait_for(lambda: hosted.box.requests, process)
        process.send_signal(signal.SIGINT)
        code, _, err = ended(process)
        hosted.do(lambda box: box.release())
    assert (code, err) == (130, "smsworks: interrupted; nothing was sent\n")
    assert numbers(hosted) == []


def test_campaign_send_waits_for_its_window_and_says_until_when(smsworks, hosted, file):
    hour = (int(time.strftime("%H", time.gmtime())) + 6) % 24
    window = f"{hour:02d}:00-{(hour + 1) % 24:02d}:00"
    with smsworks.start(*send(file, "--window", window)) as process:
        lines = []
        while not any("Waiting for the window until" in line for line in lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        process.send_signal(signal.SIGINT)
        code, _, _ = ended(process)
    assert (code, numbers(hosted)) == (130, [])
    assert any("(closed until " in line and "sending waits" in line for line in lines)
