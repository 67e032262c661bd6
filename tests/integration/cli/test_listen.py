"""`smsworks listen` in a separate process, between a sandbox and a Flask application."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from smsworks_async import DeliveryReport, IncomingMessage
from smsworks_async.cli._listening import check_target
from smsworks_async.errors import ConfigurationError
from smsworks_async.sandbox import RunningClock
from smsworks_async.webhooks import parse
from support.command_docs import shapes
from support.sandboxes import HostedSandbox
from support.webhook_servers import SECRET, Quiet


#: The time after which a hanging command is killed, in seconds.
PATIENCE = 60.0


class Application:
    """A Flask application that receives posts at a path with the secret.

    Attributes:
        posted: the posts received, in order.
        statuses: the statuses of the next responses; 204 when none are left.
    """

    def __init__(self):
        self.posted = []
        self.statuses = []
        self.url = ""
        self.app = Flask(__name__)
        self.app.add_url_rule("/sms/<secret>", view_func=self._take, methods=["POST"])

    def _take(self, secret):
        if secret != SECRET:
            return "", 403
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            self.posted.append(parse(request.get_data()))
        return "", status

    @property
    def ids(self):
        return [one.message_id for one in self.posted]

    @contextmanager
    def served(self):
        server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            self.url = f"http://127.0.0.1:{server.server_port}/sms"
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_listen_says_that_no_secret_is_set(smsworks):
    smsworks.set(WEBHOOK_SECRET="")
    process = smsworks.start("listen", "--forward-to", "http://127.0.0.1:9/sms")
    try:
        assert "SMSWORKS_WEBHOOK_SECRET is not set" in process.stderr.readline()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def hosted():
    # Messages are delivered when a test advances the clock.
    with HostedSandbox(clock=RunningClock(), delivery_delay=60.0) as host:
        yield host


@pytest.fixture
def application():
    with Application().served() as application:
        yield application


@contextmanager
def listening(smsworks, url, *words):
    """Run the command, and yield a function that returns its next JSON line."""
    smsworks.set(WEBHOOK_SECRET=SECRET)
    process = smsworks.start("listen", "--forward-to", url, "--every", "0.05", "--json", *words)
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        assert "listening" in process.stderr.readline()
        yield lambda: json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert process.stdout.read() == ""
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def send(hosted, number="447700900123"):
    with hosted.client() as sms:
        return sms.messages.send(sender="AcmeCorp", destination=number, content="Hello").message_id


def deliver(hosted):
    hosted.do(lambda box: box.advance(60.0))


def reply(hosted, text):
    return hosted.do(
        lambda box: box.receive(sender="447700900123", to="447700900000", content=text)
    )


def test_listen_posts_each_reply_and_final_status_once_over_a_restart(
    smsworks, hosted, application
):
    before = [reply(hosted, "an old reply"), send(hosted)]
    with listening(smsworks, application.url) as line:
        deliver(hosted)  # in flight when the command started, so that its final status is new
        assert line()["message_id"] == before[1]
        told = [reply(hosted, "Yes"), send(hosted, "447700900506")]
        deliver(hosted)
        lines = [line(), line()]
        assert list(lines[0]) == list(shapes()["listen"])
        assert {one["message_id"] for one in lines} == set(told)
        assert {one["answer"] for one in lines} == {204}
    meanwhile = [send(hosted), reply(hosted, "while nobody listens")]
    deliver(hosted)
    with listening(smsworks, application.url) as line:
        assert {line()["message_id"], line()["message_id"]} == set(meanwhile)
        last = reply(hosted, "the last")
        assert line()["message_id"] == last
    with listening(smsworks, application.url) as line:
        final = reply(hosted, "one more")
        assert line()["message_id"] == final
    everything = [before[1], *told, *meanwhile, last, final]
    assert sorted(application.ids) == sorted(everything)


def test_listen_repeats_nothing_after_its_output_was_closed(smsworks, hosted, application):
    smsworks.set(WEBHOOK_SECRET=SECRET)
    words = ("listen", "--forward-to", application.url, "--every", "0.05", "--json")
    with smsworks.start(*words) as process:
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        assert "listening" in process.stderr.readline()
        process.stdout.close()
        first = reply(hosted, "Yes")
        assert process.wait() == 141
        watchdog.cancel()
    with listening(smsworks, application.url) as line:
        second = reply(hosted, "No")
        assert line()["message_id"] == second
    assert application.ids == [first, second]


def test_listen_posts_what_the_provider_would(smsworks, hosted, application):
    with listening(smsworks, application.url) as line:
        failing, answer = send(hosted, "447700900506"), reply(hosted, "Ça va?\nYes")
        deliver(hosted)
        line(), line()
    by_id = {one.message_id: one for one in application.posted}
    report, incoming = by_id[failing], by_id[answer]
    assert isinstance(report, DeliveryReport)
    assert report.status == "UNDELIVERED"
    assert report.failure_reason.code == 5006
    assert (report.destination, report.sender) == ("447700900506", "AcmeCorp")
    assert report.created is not None
    assert isinstance(incoming, IncomingMessage)
    assert incoming.content == "Ça va?\nYes"
    assert (incoming.sender, incoming.destination) == ("447700900123", "447700900000")
    assert incoming.parts == 1


def test_listen_repeats_a_post_after_a_5xx_and_not_after_a_4xx(smsworks, hosted, application):
    application.statuses = [503, 503, 204, 400]
    with listening(smsworks, application.url) as line:
        first = reply(hosted, "Yes")
        assert [line()["answer"] for _ in range(3)] == [503, 503, 204]
        reply(hosted, "No")
        assert line()["answer"] == 400
        third = reply(hosted, "Perhaps")
        assert line()["message_id"] == third
    assert application.ids == [first, third]


def test_listen_waits_for_an_application_that_does_not_run_yet(smsworks, hosted):
    application = Application()
    with application.served():
        url = application.url
    with listening(smsworks, url) as line:
        reply(hosted, "Yes")
        told = line()
        assert (told["answer"], told["error"]) == (None, "connection refused or failed")
        assert SECRET not in json.dumps(told)


def test_listen_since_posts_what_was_there_before_and_forget_begins_anew(
    smsworks, hosted, application
):
    first = reply(hosted, "an hour ago")
    with listening(smsworks, application.url, "--since", "1h") as line:
        assert line()["message_id"] == first
    with listening(smsworks, application.url, "--since", "1h", "--forget") as line:
        assert line()["message_id"] == first
    assert application.ids == [first, first]


def test_listen_refuses_a_second_one_for_the_same_url(smsworks, hosted, application):
    with listening(smsworks, application.url) as line:
        reply(hosted, "Yes")
        line()
        with smsworks.start("listen", "--forward-to", application.url) as second:
            watchdog = threading.Timer(PATIENCE, second.kill)
            watchdog.start()
            _, err = second.communicate()
            watchdog.cancel()
        assert second.returncode == 2
        assert "another `smsworks listen`" in err


def test_listen_shows_a_line_for_people(smsworks, hosted, application):
    smsworks.set(WEBHOOK_SECRET=SECRET)
    process = smsworks.start("listen", "--forward-to", application.url, "--every", "0.05")
    try:
        assert "listening" in process.stderr.readline()
        reply(hosted, "Yes")
        assert "INCOMING" in (line := process.stdout.readline())
        assert "from 447700900123  204" in line
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("http://127.0.0.1:5000/sms", f"http://127.0.0.1:5000/sms/{SECRET}"),
        ("http://localhost:5000/", f"http://localhost:5000/{SECRET}"),
        ("http://localhost:5000", f"http://localhost:5000/{SECRET}"),
        (f"http://localhost/sms/{SECRET}", f"http://localhost/sms/{SECRET}"),
        (f"http://any:{SECRET}@localhost/sms", f"http://any:{SECRET}@localhost/sms"),
        ("https://example.org/sms?x=1", f"https://example.org/sms/{SECRET}?x=1"),
    ],
)
def test_check_target_puts_the_secret_at_the_end_of_the_path(given, target):
    assert check_target(given, SECRET) == target
    assert check_target(given, "") == given


@pytest.mark.parametrize("url", ["localhost:5000", "ftp://localhost/", "http:///x", "nothing"])
def test_check_target_refuses_what_is_no_web_address(url):
    with pytest.raises(ConfigurationError, match=r"http://127\.0\.0\.1:5000"):
        check_target(url, "")


def test_check_target_refuses_plain_http_to_another_machine():
    with pytest.raises(ConfigurationError, match="https"):
        check_target("http://example.org/sms", "")
