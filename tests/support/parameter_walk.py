"""A test of every parameter with valid values, equivalent values and invalid values."""

from __future__ import annotations

import enum
import inspect
import itertools
import json
import re
from collections import Counter, UserDict, UserString, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import MagicMock

import attrs
import numpy as np
import pandas as pd
from django.conf import settings as django_settings
from django.utils.functional import lazystr
from markupsafe import Markup

from smsworks_async import SendWindow, SMSWorksError
from smsworks_async.journals import MemoryJournal


if not django_settings.configured:
    django_settings.configure(USE_I18N=False)


FAMILIES = ("messages", "batches", "otp", "credits", "utils", "auth", "bulk", "opt_outs")


SOON = datetime(2050, 1, 31, 9, 0, tzinfo=UTC)


PAST = datetime(2020, 1, 31, 9, 0, tzinfo=UTC)


NUMBERS = ["07700 900001", "07700 900002"]


MESSAGES = [{"sender": "AcmeCorp", "destination": "07700 900001", "content": "Hello"}]


ROWS = [{"destination": "07700 900001", "name": "Ada"}]


#: A string that no error may quote.
MARK = "zebra 07700900999"


def told(_):
    pass


def lazily(words):
    return lazystr(words)


def open_for_hours():
    """Return a window that is open during the whole test."""
    hours = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 12))
    return SendWindow(*(f"{moment:%H:%M}" for moment in hours), tz="UTC")


# A valid value of each parameter, by name, and by method if it differs.
VALID: dict[str, Any] = {
    "ai": True,
    "at": SOON,
    "attempts": 2,
    "balance": True,
    "before": PAST,
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
    "follow": True,
    "from_": PAST,
    "idempotency_key": "order-1",
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
    "seconds": 60.0,
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
    "why": "a mistake",
    "window": open_for_hours(),
    "word": "STOP",
    "otp.send template": "Code {{passcode}}",
    "bulk.export to": "outcomes.csv",
}


# Parameters that are only valid together.
TOGETHER: dict[str, tuple[str, ...]] = {
    "bulk.send": ("destinations",),
    "bulk.send_each": ("template", "rows", "sender"),
    "bulk.send_each messages": ("messages",),
    "bulk.plan": ("destinations",),
    "bulk.plan_each": ("template", "rows", "sender"),
    "bulk.plan_each messages": ("messages",),
    "bulk.estimate": ("content", "destinations"),
    "bulk.estimate messages": ("messages",),
    "bulk.estimate template": ("template", "rows"),
    "bulk.estimate rows": ("template", "rows"),
    **{
        f"{method} on_unknown": ("idempotency_key",)
        for method in (
            *("messages.send", "messages.send_binary", "messages.flash", "messages.schedule"),
            *("batches.send", "batches.send_each", "batches.schedule", "otp.send"),
        )
    },
    "auth.token": ("customer_id", "key", "secret"),
}


# Objects and paths, which are not sent, so errors may name them.
NAMED = {"journal", "campaign", "bookmark", "to", "progress"}


def subclass_of(kind, value):
    return type("Sub", (kind,), {})(value)


def alike(value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one for each type
    """Return equivalents of a valid value, which must send the same."""
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


#: Missing values: the call must behave as without the argument, or be refused.
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


#: Invalid values.
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
    """The test of one client, and its faults."""

    wire: list[tuple[str, Any]]
    call: Callable[[str, dict[str, Any]], Any]
    #: Forgets idempotency keys, so that each call sends.
    forget: Callable[[], object] = bool
    ids: dict[str, Any] = attrs.field(factory=dict)
    walked: Counter[str] = attrs.field(factory=Counter)
    faults: list[str] = attrs.field(factory=list)
    now: str = ""

    def valid(self, method: str, name: str) -> Any:
        if name == "journal" and method.startswith("bulk.plan"):
            return MemoryJournal()  # each plan creates its own campaign
        known = VALID | self.ids
        return known.get(f"{method} {name}", known.get(name, inspect.Parameter.empty))

    def base(self, method: str, parameters: Any, name: str) -> dict[str, Any]:
        """Return the arguments of a valid call that includes the parameter."""
        names = {n for n, p in parameters.items() if p.default is inspect.Parameter.empty}
        names |= set(TOGETHER.get(f"{method} {name}", TOGETHER.get(method, ())))
        names.add(name)
        if {"journal", "campaign", "before"} & names:
            names |= {"journal", "campaign"} & parameters.keys()
        return {n: self.valid(method, n) for n in sorted(names)}

    def sent(self, method: str, arguments: dict[str, Any]) -> tuple[str, BaseException | None]:
        """Make one call; return the sandbox's requests and the exception."""
        del self.wire[:]
        self.forget()
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
                continue  # it has keys, and is read as one row
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
        # Check all chained exceptions, including suppressed contexts.
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
