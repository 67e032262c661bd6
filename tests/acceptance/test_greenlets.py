"""The blocking client in processes that gevent or eventlet has patched."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl

import pytest
from aiohttp import web

from smsworks_async.sandbox import Fault
from support.greenlets import (
    CLIENT,
    DJANGO,
    LIBRARIES,
    PATCHES,
    child,
    finish,
    said,
    say,
    sends,
    wait_until,
)
from support.sandboxes import UNTRUSTED


pytestmark = pytest.mark.parametrize("library", LIBRARIES)


def hold(hosted, when="hold"):
    hosted.do(lambda box: box.add_fault(Fault(path="/message/send", when=when, times=0)))


ORM = """
    def send(n):
        return client.messages.send(**TEXT, destination=number(n)).message_id
    sending = [spawn(send, n) for n in range(20)]
    print(result(spawn(count)), "during")
    print(len({result(greenlet) for greenlet in sending}), "sent")
    print(count(), "after")
    print(result(spawn(count)), "after")
    with SMSWorks() as other:
        print(other.credits.balance() > 0, client.credits.balance() > 0)
"""


def test_greenlets_that_use_djangos_orm_go_on_while_others_send(library, hosted, tmp_path):
    hold(hosted)
    with child(hosted, tmp_path, PATCHES[library], CLIENT, DJANGO, ORM) as process:
        # Printed before any of the sends can have ended.
        assert said(process) == "1 during"
        wait_until(lambda: sends(hosted) == 20)
        hosted.do(lambda box: box.release())
        assert finish(process) == ["20 sent", "1 after", "1 after", "True True"]
    assert hosted.do(lambda box: box.accepted()) == 20


TWO_CLIENTS = """
    others = [client, SMSWorks(), SMSWorks()]
    def send(n):
        return others[n % 3].messages.send(**TEXT, destination=number(n)).message_id
    print(len({result(greenlet) for greenlet in [spawn(send, n) for n in range(60)]}))
    for one in others:
        one.close()
"""


def test_several_clients_are_used_by_many_greenlets(library, hosted, tmp_path):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, TWO_CLIENTS) as process:
        assert finish(process) == ["60"]
    assert hosted.do(lambda box: max(box.accepted_by_destination().values())) == 1


KILLED = """
    def send():
        try:
            client.messages.send(**TEXT, destination=number(1))
        except BaseException as end:
            print(getattr(end, "__notes__", None))
            raise
    sending = spawn(send)
    sleep(0)
    input()  # blocks this thread, but not the loop's
    sending.kill()
    sleep(0)
    print(client.credits.balance() > 0)
"""


def test_a_greenlet_that_is_killed_cancels_its_call(library, hosted, tmp_path):
    hold(hosted, "hang")
    with child(hosted, tmp_path, PATCHES[library], CLIENT, KILLED) as process:
        wait_until(lambda: sends(hosted))
        say(process)
        notes, works = finish(process)
    assert "not known whether it was accepted" in notes
    assert works == "True"
    assert sends(hosted) == 1


TIMED_OUT = """
    try:
        with Timeout(0.1):
            client.messages.send(**TEXT, destination=number(1))
    except Timeout:
        print("timed out")
    print(client.credits.balance() > 0)
"""


def test_a_time_out_of_the_librarys_cancels_the_call(library, hosted, tmp_path):
    hold(hosted, "hang")
    with child(hosted, tmp_path, PATCHES[library], CLIENT, TIMED_OUT) as process:
        assert finish(process) == ["timed out", "True"]
    assert sends(hosted) <= 1


CTRL_C = """
    try:
        client.messages.send(**TEXT, destination=number(1))
    except KeyboardInterrupt as end:
        print(end.__notes__)
    print(client.credits.balance() > 0)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_cancels_the_call(library, hosted, tmp_path):
    hold(hosted, "hang")
    with child(hosted, tmp_path, PATCHES[library], CLIENT, CTRL_C) as process:
        wait_until(lambda: sends(hosted))
        process.send_signal(signal.SIGINT)
        notes, works = finish(process)
    assert "not known whether it was accepted" in notes
    assert works == "True"


JOURNAL = """
    def people(first):
        caller = getcurrent()
        for n in range(first, first + 25):
            assert count() == 1
            assert getcurrent() is caller
            yield number(n)
    def send(campaign):
        return client.bulk.send(
            **TEXT,
            destinations=people(100 * campaign),
            journal="campaigns.db",
            campaign=f"c{campaign}",
            chunk_size=10,
        )
    for report in [result(g) for g in [spawn(send, campaign) for campaign in range(4)]]:
        print(report.read, report.accepted)
    print(send(1).accepted, client.bulk.status(journal="campaigns.db", campaign="c2").accepted)
    client.close()
    print(len(list(SMSWorks().bulk.outcomes(journal="campaigns.db", campaign="c3"))))
"""


def test_campaigns_share_a_journal_and_draw_recipients_on_their_greenlets(
    library, hosted, tmp_path
):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, DJANGO, JOURNAL) as process:
        assert finish(process) == ["25 25"] * 4 + ["25 25", "25"]
    assert hosted.do(lambda box: box.accepted()) == 100


CLOSED = """
    def send():
        try:
            client.messages.send(**TEXT, destination=number(1))
        except OutcomeUnknown as error:
            return str(error)
    sending = spawn(send)
    sleep(0)
    input()
    client.close()
    print(result(sending))
"""


def test_closing_ends_the_calls_of_other_greenlets(library, hosted, tmp_path):
    hold(hosted, "hang")
    with child(hosted, tmp_path, PATCHES[library], CLIENT, CLOSED) as process:
        wait_until(lambda: sends(hosted))
        say(process)
        (error,) = finish(process)
    assert "closed during this call" in error


HUB = """
    errors = []
    def call():
        try:
            client.messages.send(**TEXT, destination=number(1))
        except ConfigurationError as error:
            errors.append(error)
    call_in_hub(call)
    while not errors:
        sleep(0)
    print(errors[0])
    call_in_hub(client.close)
    sleep(0)
"""


@pytest.mark.parametrize("used", ["", "client.credits.balance()"])
def test_a_call_in_the_hub_is_refused_before_anything_is_sent(library, hosted, tmp_path, used):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, used, HUB) as process:
        (error,) = finish(process)
    assert "spawn a greenlet for it" in error
    assert sends(hosted) == 0


FORK = """
    import os
    print(client.credits.balance() > 0)
    pid = os.fork()
    try:
        told = client.credits.balance() > 0
    except ConfigurationError as error:
        told = error
    if pid == 0:
        client = SMSWorks()
        status = result(spawn(client.messages.send, **TEXT, destination=number(1))).status
        client.close()
        print(told, flush=True)
        print(status, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    print(told, client.credits.balance() > 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_a_client_of_its_own(library, hosted, tmp_path):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, FORK) as process:
        lines = finish(process)
    assert lines[0] == "True"
    assert "create a new client in the child" in lines[1]
    assert lines[2] in ("SENT", "ACCEPTED")
    assert lines[3:] == ["True True"]


LATE = """
    client = SMSWorks()
    def send(n):
        return client.messages.send(**TEXT, destination=number(n)).message_id
    print(len({result(greenlet) for greenlet in [spawn(send, n) for n in range(20)]}))
"""


def test_a_client_may_be_made_before_the_process_is_patched(library, hosted, tmp_path):
    # As by ``gunicorn --preload``, which patches in its workers.
    imports = "from smsworks_async import SMSWorks, bulk, webhooks\nearly = SMSWorks()"
    use = "print(early.credits.balance() > 0)"
    with child(hosted, tmp_path, imports, PATCHES[library], CLIENT, LATE, use) as process:
        assert finish(process) == ["20", "True"]


NO_HOST = """
    from smsworks_async import NotSent
    client = SMSWorks(base_url="https://no-such-host.invalid", retry=None)
    for _ in range(2):
        try:
            client.messages.send(**TEXT, destination=number(1))
        except NotSent as error:
            print(type(error).__name__)
"""


def test_names_are_resolved_in_a_real_thread(library, hosted, tmp_path):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, NO_HOST) as process:
        assert finish(process) == ["NotSent", "NotSent"]


TLS = """
    import ssl, sys
    def balance(client):
        return client.credits.balance()
    with SMSWorks(base_url=sys.stdin.readline().strip(), ssl=False) as secure:
        print({result(greenlet) for greenlet in [spawn(balance, secure) for _ in range(10)]})
"""


async def test_connections_are_secured(library, hosted, tmp_path):
    async def balance(_):
        return web.json_response({"credits": 7})

    app = web.Application()
    app.router.add_get("/credits/balance", balance)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(UNTRUSTED)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
        with child(hosted, tmp_path, PATCHES[library], CLIENT, TLS) as process:
            say(process, f"https://127.0.0.1:{runner.addresses[0][1]}")
            assert await asyncio.to_thread(finish, process) == ["{7.0}"]
    finally:
        await runner.cleanup()


LOGS = """
    import logging
    logging.basicConfig(filename="log", level=logging.INFO, format="%(name)s %(message)s")
    # To look a logger up takes a lock.
    app, ours = logging.getLogger("app"), logging.getLogger("smsworks_async")
    ended = []
    def chat():
        while not ended:
            for _ in range(50):
                app.info("x" * 100)
            sleep(0)
    def log():
        async def work(_):
            for n in range(100):
                ours.warning("from the loop %d", n)
        client._portal.run(work)
    chatting = [spawn(chat) for _ in range(3)]
    for _ in range(50):
        result(spawn(log))
    ended.append(True)
    for greenlet in chatting:
        result(greenlet)
    client.close()
"""


def test_the_loops_thread_and_greenlets_log_at_the_same_time(library, hosted, tmp_path):
    with child(hosted, tmp_path, PATCHES[library], CLIENT, LOGS) as process:
        finish(process)
    lines = (tmp_path / "log").read_text().splitlines()
    ours = [line for line in lines if line.startswith("smsworks_async ")]
    assert ours == [f"smsworks_async from the loop {n}" for n in range(100)] * 50
