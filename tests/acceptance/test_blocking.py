"""The blocking client in threads, notebooks and forks, with Ctrl-C, and at exit."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from smsworks_async import BulkInterrupted, ConfigurationError, OutcomeUnknown, SMSWorks
from smsworks_async.sandbox import Fault
from support.internals import awaited, call_on_loop
from support.waiting import PATIENCE, end_calls, when_held


TEXT = {"sender": "AcmeCorp", "content": "Hello"}
ONE = {**TEXT, "destination": "07700 900123"}


def numbers(count):
    return (f"07700 900{n:03d}" for n in range(count))


def wait_until(condition):
    """Wait for another process or thread to reach a state."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "the state was not reached in time"
        time.sleep(0.005)


def test_sixteen_threads_share_one_client(hosted):
    with hosted.client(max_connections=16) as client, ThreadPoolExecutor(16) as pool:
        sent = list(
            pool.map(
                lambda n: client.messages.send(**TEXT, destination=f"07700 900{n:03d}"), range(200)
            )
        )
    assert len({message.message_id for message in sent}) == 200
    assert hosted.box.accepted() == 200
    assert len({record.connection for record in hosted.box.requests}) <= 16
    assert all(hosted.box.accepted(f"447700900{n:03d}") == 1 for n in range(200))


@pytest.mark.parametrize("family", ["bulk", "batches"])
def test_a_generator_may_fill_the_same_dict_again(hosted, family):
    def messages():
        message = dict(TEXT)
        for n in range(5):
            message["destination"] = f"07700 900{n:03d}"
            message["content"] = f"Hello {n}"
            yield message

    with hosted.client() as client:
        getattr(client, family).send_each(messages=messages())
    assert sorted(m.content for m in hosted.box.messages) == [f"Hello {n}" for n in range(5)]
    assert len({m.destination for m in hosted.box.messages}) == 5


def test_it_works_inside_a_running_loop(hosted):
    async def cell_of_a_notebook():
        with hosted.client() as client:
            return client.messages.send(**ONE)

    assert asyncio.run(cell_of_a_notebook()).status == "SENT"


def test_what_the_caller_hands_in_runs_on_the_callers_thread(hosted):
    threads = set()

    def drawn():
        for number in numbers(30):
            threads.add(threading.get_ident())
            yield number

    def tell(progress):
        threads.add(threading.get_ident())

    with hosted.client() as client:
        report = client.bulk.send(**TEXT, destinations=drawn(), progress=tell, chunk_size=10)
        client.batches.send(**TEXT, destinations=drawn())
    assert report.accepted == 30
    assert threads == {threading.get_ident()}


def test_a_callers_context_reaches_the_core(hosted):
    import contextvars

    import aiohttp

    variable = contextvars.ContextVar("variable")
    seen = []

    async def on_start(*_):
        seen.append(variable.get())

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(on_start)
    with hosted.client(trace_configs=[trace]) as client:
        variable.set("of the caller")
        client.credits.balance()
    assert seen == ["of the caller"]


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_system_exit_in_a_callback_reaches_the_caller_and_the_client_lives_on(hosted, kind):
    def leave(progress):
        raise SystemExit(3)

    async def leave_awaited(progress):
        raise SystemExit(3)

    leave = leave if kind == "plain" else leave_awaited
    with hosted.client() as client:
        with pytest.raises(SystemExit) as caught:
            client.bulk.send(**TEXT, destinations=numbers(30), chunk_size=10, progress=leave)
        assert caught.value.code == 3
        assert client.credits.balance() > 0


@pytest.mark.parametrize("error", [ValueError("mine"), StopIteration()])
def test_an_error_in_a_callback_interrupts_the_run_and_leaves_a_report(hosted, error):
    def fail(progress):
        raise error

    with hosted.client() as client, pytest.raises(BulkInterrupted) as caught:
        client.bulk.send(**TEXT, destinations=numbers(30), chunk_size=10, progress=fail)
    assert caught.value.report.accepted == hosted.box.accepted()
    assert caught.value.report.adds_up


def test_an_iterator_is_given_record_by_record_and_can_be_left(hosted):
    with hosted.client() as client:
        for number in numbers(5):
            client.messages.send(**TEXT, destination=number)
        requests = len(hosted.box.requests)
        found = client.messages.iterate(limit=2)
        first = next(found)
        found.close()
    assert first.content == "Hello"
    assert len(hosted.box.requests) == requests + 1


def test_a_call_on_its_own_loops_thread_is_an_error_not_a_deadlock(hosted):
    async def fetch():
        return client.auth.token()

    client = hosted.client()
    client = SMSWorks(fetch, base_url=hosted.box.base_url)
    with client, pytest.raises(ConfigurationError, match="own event loop"):
        client.messages.send(**ONE)


def test_a_closed_client_says_so(hosted):
    client = hosted.client()
    client.credits.balance()
    client.close()
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.credits.balance()


def test_a_session_is_refused(hosted):
    with pytest.raises(TypeError, match="session"):
        SMSWorks("eyJ", session=object())


def test_closing_ends_a_call_in_another_thread(hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="*", when="hang")))
    client = hosted.client()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.messages.send, **ONE)
        wait_until(lambda: hosted.box.requests)
        client.close()
        with pytest.raises(OutcomeUnknown, match="closed"):
            call.result(timeout=PATIENCE)


def test_the_thread_ends_with_the_last_reference(hosted):
    before = threading.active_count()
    messages = hosted.client().messages  # the resources keep a collected client working
    gc.collect()
    assert messages.send(**ONE).status == "SENT"
    assert threading.active_count() == before + 1
    del messages
    gc.collect()
    wait_until(lambda: threading.active_count() == before)


# A test runner in the background may make its children ignore Ctrl-C.
HEED_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def run_child(code, hosted, **options):
    environment = {
        **os.environ,
        "SMSWORKS_TOKEN": hosted.box.token,
        "SMSWORKS_BASE_URL": hosted.box.base_url,
    }
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", HEED_CTRL_C + code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


FORK = """
import os, sys
from smsworks_async import ConfigurationError, SMSWorks
client = SMSWorks()
client.credits.balance()
child = os.fork()
if child == 0:
    try:
        client.credits.balance()
    except ConfigurationError as error:
        print("refused:", "fork" in str(error))
    client.close()
    with SMSWorks() as another:
        print("another:", another.messages.send(
            sender="AcmeCorp", destination="07700 900123", content="Hello").status)
    sys.stdout.flush()
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("child:", os.waitstatus_to_exitcode(status))
print("parent:", client.credits.balance() > 0)
"""


def test_a_forked_child_gets_a_clear_error_and_a_new_client_works(hosted):
    output, errors = run_child(FORK, hosted).communicate(timeout=PATIENCE)
    assert output.split("\n")[:-1] == [
        "refused: True",
        "another: SENT",
        "child: 0",
        "parent: True",
    ], errors


CTRL_C = """
from smsworks_async import SMSWorks
client = SMSWorks()
try:
    client.messages.send(sender="AcmeCorp", destination="07700 900123", content="Hello")
except KeyboardInterrupt as interrupt:
    print(interrupt.__notes__)
print(client.credits.balance() > 0)
"""


def test_ctrl_c_cancels_the_call_says_what_is_not_known_and_sends_nothing_more(hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when="hang", times=0)))
    child = run_child(CTRL_C, hosted)
    wait_until(lambda: hosted.box.requests)
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=PATIENCE)
    assert "not known whether it was accepted" in output, errors
    assert output.endswith("True\n"), errors
    assert [r.path for r in hosted.box.requests] == ["/message/send", "/credits/balance"]


def test_a_time_out_cancels_the_call_and_sends_nothing_more(hosted):
    hosted.do(lambda box: box.add_fault(Fault(path="*", when="hang", times=0)))
    with hosted.client(timeout=30) as client:
        when_held(hosted.box, lambda: call_on_loop(client, lambda: end_calls(awaited(client))))
        with pytest.raises(OutcomeUnknown, match="time-out of 30 s"):
            client.messages.send(**ONE)
    assert len(hosted.box.requests) == 1


AT_EXIT = """
from smsworks_async import SMSWorks
client = SMSWorks()
print(client.credits.balance() > 0, flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("raise SystemExit(4)", 4),
        ("raise ValueError", 1),
        ("import threading; threading.Thread(target=client.credits.balance).start()", 0),
    ],
)
def test_a_client_that_nobody_closed_does_not_hold_up_the_exit(hosted, end, status):
    child = run_child(AT_EXIT.format(end=end), hosted)
    output, errors = child.communicate(timeout=PATIENCE)
    assert output == "True\n"
    assert child.returncode == status, errors
    if status == 0:
        assert errors == ""
