"""Authentication of posts."""

from __future__ import annotations

import base64
import hmac
import logging

import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, SMSWorks
from smsworks_async.webhooks import DeliveryStats, MemorySeen, Webhooks
from smsworks_async.webhooks.guard import Guard
from smsworks_async.webhooks.log_redaction import keep_out_of_logs
from smsworks_async.webhooks.request import RequestHead


OLD = "the-old-secret-of-32-bytes-or-more-AA"
NEW = "the-new-secret-of-32-bytes/or+more=BB"


def guard(secrets=OLD, networks=(), proxies=(), *, insecure=False):
    return Guard(secrets, networks, proxies, insecure=insecure)


def basic(password, user="any"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def at(path="/sms", authorization=None, peer="192.0.2.7", forwarded_for=(), method="POST"):
    return RequestHead(method, path, authorization, peer, forwarded_for)


@pytest.mark.parametrize("secret", [OLD, NEW])
@pytest.mark.parametrize("mounted", ["", "/sms", "/a/b"])
def test_guard_admits_each_secret_at_the_end_of_the_path_wherever_it_is_mounted(secret, mounted):
    assert guard([OLD, NEW]).admits(at(f"{mounted}/{secret}"))


@pytest.mark.parametrize("authorization", [basic(NEW), basic(NEW, ""), basic(NEW).swapcase()[:0]])
def test_guard_admits_each_secret_as_a_password_whatever_the_user(authorization):
    assert guard([OLD, NEW]).admits(at(authorization=authorization)) is bool(authorization)


@pytest.mark.parametrize(
    "facts",
    [
        at(),
        at("/"),
        at(""),
        at(f"/sms/{OLD[:-1]}"),
        at(f"/sms/{OLD}x"),
        at(f"/sms/{OLD}//"),
        at(f"/sms/x{OLD}"),
        at(OLD),
        at("/sms/ünïcode-\udcff"),
        at(authorization=basic("")),
        at(authorization=basic(OLD + "x")),
        at(authorization=basic("x", user=OLD)),
        at(authorization=f"Basic {OLD}"),
        at(authorization="Basic ünïcode"),
        at(authorization="Basic"),
        at(authorization=f"Bearer {OLD}"),
    ],
)
def test_guard_admits_nothing_else(facts):
    assert not guard().admits(facts)


def test_guard_compares_all_secrets_in_constant_time_whichever_fits(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *pair: compared.append(pair) or real(*pair))
    for path in (f"/sms/{OLD}", f"/sms/{NEW}", "/sms/wrong"):
        compared.clear()
        guard([OLD, NEW]).admits(at(path))
        assert len(compared) == 6  # in the path, twice, and as a password, each of the two


def test_guard_reads_secrets_from_the_environment_set_apart_by_commas(monkeypatch):
    monkeypatch.setenv("SMSWORKS_WEBHOOK_SECRET", f" {OLD} ,{NEW},")
    assert guard(None).admits(at(f"/{OLD}"))
    assert guard(None).admits(at(f"/{NEW}"))
    assert not guard("a-third-secret-which-is-long-enough").admits(at(f"/{OLD}"))
    with pytest.raises(ConfigurationError):
        guard([])


@pytest.mark.parametrize(
    "secrets",
    [
        "short",
        "x" * 31,
        [OLD, "short"],
        "ü" * 32,
        "x" * 32 + "\n",
        "x " * 20,
        "x%" * 20,
        [b"x" * 32],
    ],
)
def test_guard_refuses_a_weak_secret_or_one_that_no_url_can_hold_without_showing_it(
    secrets,
):
    with pytest.raises(ConfigurationError) as caught:
        guard(secrets)
    assert "short" not in str(caught.value)
    assert "xx" not in str(caught.value)


def test_webhooks_need_a_guard_unless_insecure():
    for secrets in (None, []):
        with pytest.raises(ConfigurationError, match="insecure=True"):
            Webhooks(on_report=print, secrets=secrets)
    with pytest.raises(ConfigurationError, match="insecure=True"):
        # Strangers could trigger any number of API requests.
        Webhooks(on_report=print, client=AsyncSMSWorks("eyJ"), confirm=True)
    assert guard([], insecure=True).admits(at())
    assert guard([], ["192.0.2.0/24"]).admits(at())


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "admitted"),
    [
        ("192.0.2.7", (), True),
        ("::ffff:192.0.2.7", (), True),
        ("2001:db8::7", (), True),
        ("198.51.100.1", (), False),
        (None, (), False),
        ("", (), False),
        # Only the application's own proxies are trusted.
        ("198.51.100.1", ["192.0.2.7"], False),
        ("192.0.2.7", ["198.51.100.1"], True),
        ("10.0.0.1", ["192.0.2.7"], True),
        ("10.0.0.1", ["192.0.2.7:4711"], True),
        ("10.0.0.1", ["[2001:db8::7]:4711"], True),
        ("10.0.0.1", ["198.51.100.1, 192.0.2.7"], True),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.1"], False),
        ("10.0.0.1", ["192.0.2.7, 10.0.0.2"], True),
        ("10.0.0.1", ["192.0.2.7", "10.0.0.2"], True),
        ("10.0.0.1", ["198.51.100.1", "192.0.2.7, 10.0.0.2"], True),
        ("10.0.0.1", ["192.0.2.7, 198.51.100.1, 10.0.0.2"], False),
        ("10.0.0.1", ["192.0.2.7, nonsense"], False),
        ("10.0.0.1", [""], False),
        ("10.0.0.1", (), False),
    ],
)
def test_guard_reads_a_posts_origin_from_the_right_past_trusted_proxies_only(
    peer, forwarded_for, admitted
):
    watchful = guard([], ["192.0.2.0/24", "2001:db8::/32"], ["10.0.0.0/8"])
    assert watchful.admits(at(peer=peer, forwarded_for=forwarded_for)) is admitted


def test_guard_wants_both_a_network_and_a_secret_that_fit():
    both = guard(OLD, ["192.0.2.0/24"])
    assert both.admits(at(f"/{OLD}"))
    assert not both.admits(at(f"/{OLD}", peer="198.51.100.1"))
    assert not both.admits(at("/"))


@pytest.mark.parametrize(
    ("networks", "proxies"),
    [(["nowhere"], ()), ("192.0.2.0/24", ()), (["192.0.2.1/24"], ()), ((), ["10.0.0.0/8"])],
)
def test_guard_refuses_networks_that_are_none_and_proxies_without_networks(networks, proxies):
    with pytest.raises(ConfigurationError):
        guard(OLD, networks, proxies)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"on_report": None}, "nothing to call"),
        ({"on_report": "print"}, "must be a function"),
        ({"on_incoming": 1}, "must be a function"),
        ({"client": "sms"}, "client must be"),
        ({"confirm": True}, "needs a client"),
        ({"receive_timeout": 0}, "receive_timeout"),
        ({"receive_timeout": float("nan")}, "receive_timeout"),
    ],
)
def test_webhooks_refuse_settings_that_cannot_work_at_once(changes, why):
    with pytest.raises(ConfigurationError, match=why):
        Webhooks(**{"on_report": print, "secrets": OLD, **changes})


@pytest.mark.parametrize("make", [lambda: MemorySeen(0), lambda: DeliveryStats(0)])
def test_memory_seen_refuses_to_hold_nothing(make):
    with pytest.raises(ConfigurationError):
        make()


def test_webhooks_take_a_client_without_functions():
    with SMSWorks("eyJ") as blocking:
        for client in (AsyncSMSWorks("eyJ"), blocking):
            Webhooks(client=client, secrets=OLD)


def test_webhooks_repr_shows_no_secret():
    facts = at(f"/{OLD}", basic(OLD))
    hooks = Webhooks(on_report=print, secrets=[OLD, NEW])
    for shown in (repr(facts), repr(hooks), repr(guard([OLD, NEW]))):
        assert OLD not in shown
        assert NEW not in shown
    assert "2 secrets" in repr(hooks)


@pytest.mark.parametrize("name", ["aiohttp.access", "uvicorn.access", "werkzeug", "django.server"])
def test_keep_out_of_logs_hides_secrets_however_web_servers_write_them(name, caplog):
    guard([OLD, NEW])
    logger = logging.getLogger(name)
    with caplog.at_level(logging.INFO):
        logger.info('%s - "%s %s" %d', "192.0.2.7", "POST", f"/sms/{OLD}", 200)
        logger.info("%(path)s", {"path": "/sms/the-new-secret-of-32-bytes/or%2Bmore%3DBB"})
        logger.info("/sms/the-new-secret-of-32-bytes%2For%2Bmore%3DBB", extra={"line": NEW})
    assert [record.getMessage() for record in caplog.records] == [
        '192.0.2.7 - "POST /sms/…" 200',
        "/sms/…",
        "/sms/…",
    ]
    assert caplog.records[-1].line == "…"


def test_guard_admits_a_secret_with_the_slash_that_a_mount_adds():
    secret = "x" * 31 + "/"
    door = guard(secret)
    for path, admitted in ((secret, True), (secret + "/", True), (secret + "//", False)):
        assert door.admits(RequestHead("POST", f"/sms/{path}")) is admitted
    assert not door.admits(RequestHead("POST", "/sms/" + "x" * 31))


def test_keep_out_of_logs_hides_secrets_whatever_type_they_stand_in():
    secret = "a-secret-that-stands-in-many-types-of-things"
    keep_out_of_logs([secret])

    class Odd:
        def __repr__(self):
            return f"<{secret}>"

    shown = []
    logger = logging.getLogger("uvicorn.asgi")
    handler = logging.Handler()
    handler.emit = lambda record: shown.append(record.getMessage())
    logger.addHandler(handler)
    try:
        for arg in ({"path": [secret.encode()]}, [(b"x", secret.encode())], Odd(), {"a": Odd()}):
            logger.critical("scope=%s", arg)
        logger.critical(Odd())
        logger.critical("%d", 5)
    finally:
        logger.removeHandler(handler)
    assert len(shown) == 6
    assert secret not in "".join(shown)
