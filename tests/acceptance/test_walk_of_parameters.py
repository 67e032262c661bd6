"""Every parameter of every public method, awaited and blocking, with all that people pass.

The methods and parameters are found by inspection, so that a new one cannot be forgotten: it has no
value in `VALID`, and the walk fails. Each call goes to a sandbox over a real socket, and what the
sandbox reads is compared. A value that stands for another (an enum member, an integral float) must
send exactly what that other one sends. Any other value either makes no difference of type to the
wire, or is refused with an error of ours, which does not quote it. Nothing hangs, and no other
exception comes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
import itertools
import json
import re
import threading
from collections import Counter, UserDict, UserString, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock

import attrs
import numpy as np
import pandas as pd
import pytest
from conftest import AT_ONCE, PATIENCE, HostedSandbox
from django.conf import settings as django_settings
from django.utils.functional import lazystr
from markupsafe import Markup

from smsworks_async import AsyncSMSWorks, ConfigurationError, RetryPolicy, SMSWorks, SMSWorksError
from smsworks_async.journals import MemoryJournal


if not django_settings.configured:
    django_settings.configure(USE_I18N=False)

FAMILIES = ("messages", "batches", "otp", "credits", "utils", "auth", "bulk", "opt_outs")
SOON = datetime(2050, 1, 31, 9, 0, tzinfo=UTC)
PAST = datetime(2020, 1, 31, 9, 0, tzinfo=UTC)
NUMBERS = ["07700 900001", "07700 900002"]
MESSAGES = [{"sender": "AcmeCorp", "destination": "07700 900001", "content": "Hello"}]
ROWS = [{"destination": "07700 900001", "name": "Ada"}]
#: What no error may quote.
MARK = "zebra 07700900999"


def told(_):
    pass


def lazily(words):
    return lazystr(words)


# What each parameter takes, by its name, and by its method where that differs.
VALID: dict[str, Any] = {
    "ai": True,
    "at": SOON,
    "attempts": 2,
    "balance": True,
    "bookmark": None,
    "chunk_size": 10,
    "code": 4021,
    "concurrency": 1,
    "content": "Hello",
    "country": "FR",
    "credits": 1.0,
    "data": b"eTts",
    "deduplicate": True,
    "delivery_report_url": "https://example.org/reports",
    "destination": "07700 900123",
    "destinations": NUMBERS,
    "from_": PAST,
    "keyword": "HI",
    "length": 6,
    "limit": 10,
    "max_credits": 100.0,
    "max_rate": 1000.0,
    "messages": MESSAGES,
    "metadata": {"order": "1"},
    "number": "07700 900123",
    "numbers": NUMBERS,
    "on_unknown": "report",
    "passcode": "123456",
    "pause": 1.0,
    "progress": told,
    "reference": "order-1",
    "require_balance": True,
    "respect_opt_outs": True,
    "restored": True,
    "response_email": ["me@example.org"],
    "rows": ROWS,
    "sender": "AcmeCorp",
    "settle": 0.0,
    "since": PAST,
    "source": "shop",
    "skip": 1,
    "status": "INCOMING",
    "tag": "tag",
    "template": "Hi {name}",
    "timeout": 5.0,
    "to": SOON,
    "ttl": 60,
    "unread": True,
    "validity": 60,
    "word": "STOP",
    "otp.send template": "Code {{passcode}}",
    "bulk.export to": "outcomes.csv",
}
# Parameters that make sense together only.
TOGETHER: dict[str, tuple[str, ...]] = {
    "bulk.send": ("destinations",),
    "bulk.send_each": ("template", "rows", "sender"),
    "bulk.send_each messages": ("messages",),
    "bulk.estimate": ("content", "destinations"),
    "bulk.estimate messages": ("messages",),
    "bulk.estimate template": ("template", "rows"),
    "bulk.estimate rows": ("template", "rows"),
    "auth.token": ("customer_id", "key", "secret"),
}
# Objects and paths, which are not values on the wire: any error of ours may name them.
NAMED = {"journal", "campaign", "bookmark", "to", "progress"}


def subclass_of(kind, value):
    return type("Sub", (kind,), {})(value)


def alike(value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each type
    """What stands for a valid value, and must send the same."""
    if isinstance(value, bool):
        return {"numpy.bool": np.bool_(value)}
    if isinstance(value, str):
        return {
            "an enum": enum.Enum("E", {"A": value}, type=str).A,
            "a subclass": subclass_of(str, value),
            "Markup": Markup(value),
            "numpy.str_": np.str_(value),
            "UserString": UserString(value),
            "a lazy translation": lazily(value),
        }
    if isinstance(value, int):
        return {
            "an IntEnum": enum.IntEnum("E", {"A": value}).A,
            "a subclass": subclass_of(int, value),
            "numpy.int64": np.int64(value),
            "a float": float(value),
            "numpy.float64": np.float64(value),
            "Decimal": Decimal(value),
        }
    if isinstance(value, float):
        return {
            "a subclass": subclass_of(float, value),
            "numpy.float64": np.float64(value),
            "numpy.float32": np.float32(value),
            "Decimal": Decimal(str(value)),
        }
    if isinstance(value, datetime):
        return {"Timestamp": pd.Timestamp(value)}
    if isinstance(value, dict):
        return {
            "a mapping": UserDict(value),
            "odd": {UserString(k): Markup(v) for k, v in value.items()},
        }
    if isinstance(value, list):
        odd = [UserDict(v) if isinstance(v, dict) else np.str_(v) for v in value]
        return {
            "a tuple": tuple(value),
            "a deque": deque(value),
            "a generator": (item for item in value),
            "an iterator": iter(value),
            "odd items": odd,
            "an array": np.array(value, dtype=object),
            "a Series": pd.Series(value),
        }
    return {}


def used_up():
    generator = (number for number in ())
    list(generator)
    return generator


async def coroutine():
    return MARK


def generator_function():
    yield MARK


#: What stands for no value: the call is as if it had not been given, or refused.
MISSING: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "empty": lambda: "",
    "blank": lambda: "  ",
    "NaN": lambda: float("nan"),
    "numpy's NaN": lambda: np.float64("nan"),
    "Decimal's NaN": lambda: Decimal("NaN"),
    "NaT": lambda: pd.NaT,
    "pandas.NA": lambda: pd.NA,
}
#: What stands for nothing at all.
ODD: dict[str, Callable[[], Any]] = {
    "True": lambda: True,
    "a huge integer": lambda: 10**400,
    "a negative integer": lambda: -(10**20),
    "infinity": lambda: float("inf"),
    "a fraction": lambda: 1.5,
    "text": lambda: MARK,
    "half of a pair": lambda: MARK + "\ud83d",
    "bytes": MARK.encode,
    "a bytearray": lambda: bytearray(MARK.encode()),
    "a mock": MagicMock,
    "a mock of a string": lambda: MagicMock(spec=str),
    "a mock of an integer": lambda: MagicMock(spec=int),
    "an object": object,
    "a list": lambda: [MARK],
    "a list of mocks": lambda: [MagicMock()],
    "nested": lambda: [[[MARK]]],
    "a dict": lambda: {MARK: MARK},
    "a set": lambda: {MARK},
    "a class": lambda: str,
    "a function": lambda: generator_function,
    "a finished generator": used_up,
    "a coroutine": coroutine,
    "an array": lambda: np.array([MARK]),
    "a complex number": lambda: 1j,
    "an enum": lambda: enum.Enum("E", {"A": MARK}).A,
}


@attrs.define
class Walk:
    """One client's walk, and what it met."""

    wire: list[tuple[str, Any]]
    call: Callable[[str, dict[str, Any]], Any]
    ids: dict[str, Any] = attrs.field(factory=dict)
    walked: Counter[str] = attrs.field(factory=Counter)
    faults: list[str] = attrs.field(factory=list)
    now: str = ""

    def valid(self, method: str, name: str) -> Any:
        known = VALID | self.ids
        return known.get(f"{method} {name}", known.get(name, inspect.Parameter.empty))

    def base(self, method: str, parameters: Any, name: str) -> dict[str, Any]:
        """The arguments of a call that works, the parameter in question among them."""
        names = {n for n, p in parameters.items() if p.default is inspect.Parameter.empty}
        names |= set(TOGETHER.get(f"{method} {name}", TOGETHER.get(method, ())))
        names.add(name)
        if {"journal", "campaign"} & names:
            names |= {"journal", "campaign"}
        return {n: self.valid(method, n) for n in sorted(names)}

    def sent(self, method: str, arguments: dict[str, Any]) -> tuple[str, BaseException | None]:
        """Make one call; what the sandbox read, and what was raised."""
        del self.wire[:]
        error = None
        self.now = f"{method}({', '.join(arguments)})"
        try:
            self.call(method, arguments)
        except BaseException as raised:
            error = raised
        written = re.sub("nobody-[0-9a-f]+", "nobody", json.dumps(self.wire))
        return written, error

    def fault(self, words: str) -> None:
        self.faults.append(f"{self.now} {words}")

    def parameter(self, method: str, parameters: Any, name: str) -> None:
        base = self.base(method, parameters, name)
        assert inspect.Parameter.empty not in base.values(), f"VALID has no {method} {name}"
        expected, error = self.sent(method, base)
        if error is not None:
            self.fault(f"[valid]: {error!r}")
        for kind, value in alike(base[name]).items():
            if kind == "a Series" and name == "messages" and method.startswith("batches"):
                continue  # it has keys, and is taken for one row
            self.walked["values"] += 1
            got, error = self.sent(method, {**base, name: value})
            if error is not None and not isinstance(error, SMSWorksError):
                self.fault(f"[{name} = {kind}]: {error!r}")
            elif got != expected:
                self.fault(
                    f"[{name} = {kind}]: sent {got[:300]}\n  for {expected[:300]}: {error!r}"
                )
        without = {n: v for n, v in base.items() if n != name}
        optional = parameters[name].default is not inspect.Parameter.empty
        absent = self.sent(method, without)[0] if optional else None
        for kind, make in itertools.chain(MISSING.items(), ODD.items()):
            self.walked["values"] += 1
            value = make()
            got, error = self.sent(method, {**base, name: value})
            if inspect.iscoroutine(value):
                value.close()
            self.judge(name, kind, error)
            if error is None and kind in MISSING and got != absent and name not in NAMED:
                self.fault(f"[{name} = {kind}]: sent {got[:300]}\n  for {str(absent)[:300]}")

    def judge(self, name: str, kind: str, error: BaseException | None) -> None:
        if error is None:
            return
        if not isinstance(error, SMSWorksError):
            self.fault(f"[{name} = {kind}]: {type(error).__name__}: {str(error)[:200]}")
            return
        # All that hangs on it, what Python does not show by itself included.
        seen: list[BaseException] = []
        links: list[BaseException | None] = [error]
        while links and name not in NAMED:
            link = links.pop()
            if link is None or link in seen:
                continue
            seen.append(link)
            words = f"{link} {link!r} {link.args} {getattr(link, '__notes__', '')}"
            if "zebra" in words or "900999" in words or "0" * 50 in words:
                self.fault(f"[{name} = {kind}]: {type(link).__name__} quotes the value")
            links += [link.__cause__, link.__context__]


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


def prepare(host: HostedSandbox) -> dict[str, Any]:
    """Make what is asked for by an id, and campaigns that are done."""
    journal = MemoryJournal()
    with host.client() as sms:
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


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["awaited", "blocking"])
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
    walk = Walk(wire, lambda *_: None)

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
                walk.ids = prepare(rich_host)
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
            made = client(**{**base, name: value})
            requester = made._requester if client is AsyncSMSWorks else made._client._requester
            return requester.settings

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
