"""Every parameter of every public method, awaited and blocking, with values that users may pass.

The methods and parameters are found by inspection. A new parameter has no value in `VALID`, so the
walk fails until one is added. Each call goes to a sandbox over a real socket, and the received
requests are compared. A value that is equivalent to another (an enum member, an integral float)
must send exactly the same request. Any other value either does not change a type on the wire, or is
refused with an error of this package, which does not quote it. No call hangs or raises any other
exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
import itertools
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, RetryPolicy, SMSWorks
from smsworks_async.journals import MemoryJournal
from support.internals import settings_of
from support.parameter_walk import (
    FAMILIES,
    MISSING,
    NUMBERS,
    ODD,
    ROWS,
    SOON,
    VALID,
    Walk,
    alike,
)
from support.sandboxes import AT_ONCE, HostedSandbox
from support.waiting import PATIENCE


def public(family: type) -> dict[str, Any]:
    methods = inspect.getmembers(family, inspect.isfunction)
    return {name: method for name, method in methods if not name.startswith("_")}


async def first(source):
    async with contextlib.aclosing(source):
        return await anext(source, None)


def awaited(client: AsyncSMSWorks, runner: asyncio.Runner):
    def call(method: str, arguments: dict[str, Any]) -> Any:
        family, _, name = method.partition(".")

        async def run() -> Any:
            async with asyncio.timeout(PATIENCE):
                result = getattr(getattr(client, family), name)(**arguments)
                return await (first(result) if inspect.isasyncgen(result) else result)

        return runner.run(run())

    return call


def blocking(client: SMSWorks):
    def call(method: str, arguments: dict[str, Any]) -> Any:
        family, _, name = method.partition(".")
        result = getattr(getattr(client, family), name)(**arguments)
        if inspect.isgenerator(result):
            with contextlib.closing(result):
                return next(result, None)
        return result

    return call


def prepare(host: HostedSandbox, opt_outs: MemoryJournal) -> dict[str, Any]:
    """Create the objects for calls with an id, and finished campaigns."""
    journal = MemoryJournal()
    with host.client(opt_outs=opt_outs) as sms:
        host.do(lambda box: box.receive(sender="447700900001", to="60777", content="Hi"))
        sent = sms.messages.send(sender="AcmeCorp", destination=NUMBERS[0], content="Hello")
        batch = sms.batches.send(sender="AcmeCorp", destinations=NUMBERS, content="Hello")
        sms.bulk.send(
            sender="AcmeCorp",
            destinations=NUMBERS,
            content="Hello",
            journal=journal,
            campaign="opening",
        )
        # Besides a finished campaign there is one that can be controlled.
        sms.bulk.plan(
            sender="AcmeCorp",
            destinations=NUMBERS,
            content="Hello",
            journal=journal,
            campaign="planned",
        )
        kept = {"journal": journal, "campaign": "each"}
        sms.bulk.send_each(template="Hi {name}", rows=ROWS, sender="AcmeCorp", **kept)
        text = {"sender": "AcmeCorp", "content": "Hello", "at": SOON}
        scheduled = sms.messages.schedule(**text, destination=NUMBERS[0])
        batched = sms.batches.schedule(**text, destinations=NUMBERS)
        otp = sms.otp.send(
            sender="AcmeCorp", destination=VALID["destination"], passcode=VALID["passcode"]
        )
    return {
        "messages.cancel message_id": scheduled.message_id,
        "batches.cancel batch_id": batched.batch_id,
        "otp.get message_id": otp.message_id,
        "bulk.send_each campaign": "each",
        "bulk.plan_each campaign": "each",
        "bulk.pause campaign": "planned",
        "bulk.resume campaign": "planned",
        "bulk.cancel campaign": "planned",
        "message_id": sent.message_id,
        "batch_id": batch.batch_id,
        "campaign": "opening",
        "journal": journal,
        "customer_id": host.box.customer_id,
        "key": host.box.key,
        "secret": host.box.secret,
    }


@pytest.fixture
def rich_host():
    with HostedSandbox(credits=1e9, flooding=False, delivery_delay=0.0) as host:
        yield host


LONG = {("blocking", "messages"), ("blocking", "bulk")}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize(
    ("kind", "family"),
    [
        # The blocking methods are all generated from the async ones in the same way.
        pytest.param(kind, family, marks=pytest.mark.slow if (kind, family) in LONG else ())
        for kind in ("awaited", "blocking")
        for family in FAMILIES
    ],
)
def test_every_parameter_takes_what_people_pass_or_says_why_not(  # noqa: PLR0917 - fixtures
    rich_host, wire, tmp_path, monkeypatch, family, kind
):
    monkeypatch.chdir(tmp_path)  # some values are paths
    settings = {
        "base_url": rich_host.box.base_url,
        "retry": AT_ONCE,
        "timeout": 20,
        "opt_outs": MemoryJournal(),
    }
    keys = MemoryJournal()
    if family in {"messages", "batches", "otp"}:
        settings["journal"] = keys
    walk = Walk(wire, lambda *_: None, forget=keys.store._keys.clear)

    def whole() -> None:
        with contextlib.ExitStack() as exits:
            if kind == "awaited":
                runner = exits.enter_context(asyncio.Runner())
                client = AsyncSMSWorks(rich_host.box.token, **settings)
                exits.callback(lambda: runner.run(client.close()))
                walk.call = awaited(client, runner)
            else:
                sms = exits.enter_context(SMSWorks(rich_host.box.token, **settings))
                walk.call = blocking(sms)
            for name, method in public(
                type(getattr(client if kind == "awaited" else sms, family))
            ).items():
                walk.walked["methods"] += 1
                walk.ids = prepare(rich_host, settings["opt_outs"])
                parameters = dict(inspect.signature(method).parameters)
                parameters.pop("self")
                for parameter in parameters:
                    walk.walked["parameters"] += 1
                    walk.parameter(f"{family}.{name}", parameters, parameter)

    walker = threading.Thread(target=whole, daemon=True)
    walker.start()
    walker.join(PATIENCE)
    print(f"{kind} {family}: {dict(walk.walked)}")  # noqa: T201 - how far it went
    assert not walker.is_alive(), f"hangs in {walk.now}"
    assert not walk.faults, "\n".join(walk.faults)
    assert walk.walked["methods"]


SETTINGS: dict[str, Any] = {
    "token": "JWT eyJhbGciOi.J9.x",
    "customer_id": "customer",
    "key": "key",
    "secret": "secret",
    "base_url": "https://example.org/v1",
    "timeout": 5.0,
    "retry": RetryPolicy(),
    "max_connections": 5,
    "session": None,
    "trace_configs": (),
    "proxy": "http://proxy.example:3128",
    "ssl": False,
    "trust_env": True,
    "max_rate": 5.0,
    "batch_size": 5,
    "international": True,
    "journal": "campaigns.db",
    "opt_outs": "opt-outs.db",
    "insecure": True,
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
def test_so_does_every_setting_of_a_client(client):
    walked = 0
    for name in inspect.signature(client).parameters:
        base = {"token": SETTINGS["token"], name: SETTINGS[name]}
        if name in {"customer_id", "key", "secret"}:
            base |= {n: SETTINGS[n] for n in ("customer_id", "key", "secret")}

        def made(value, base=base, name=name):
            return settings_of(client(**{**base, name: value}))

        expected = made(SETTINGS[name])
        for kind, value in alike(SETTINGS[name]).items():
            walked += 1
            settings = made(value)
            assert settings == expected, (name, kind)
            given = getattr(settings, name, None)
            assert type(given) is type(getattr(expected, name, None)), (name, kind)
        for kind, make in itertools.chain(MISSING.items(), ODD.items()):
            walked += 1
            value = make()
            try:
                made(value)
            except ConfigurationError as error:
                words = f"{error} {error!r} {error.__cause__}"  # noqa: RUF100
                assert "zebra" not in words, (name, kind)
                assert "0" * 50 not in words, (name, kind)
            if inspect.iscoroutine(value):
                value.close()
    print(f"{client.__name__}: {walked} values")  # noqa: T201


@pytest.mark.parametrize("name", ["attempts", "base", "cap"])
def test_so_does_a_retry_policy(name):
    for value in (2, 2.0, np.int64(2), Decimal(2), enum.IntEnum("E", {"A": 2}).A):
        assert RetryPolicy(**{name: value}) == RetryPolicy(**{name: 2})
    for value in (10**400, float("inf"), float("nan"), 1e8, -1, True, "2", None, MagicMock()):
        if name == "attempts" and value == 1e8:
            continue
        with pytest.raises(ConfigurationError, match="RetryPolicy"):
            RetryPolicy(**{name: value})


def test_moments_are_plain_whatever_their_zone():
    assert alike(SOON + timedelta(0))["Timestamp"] == SOON
