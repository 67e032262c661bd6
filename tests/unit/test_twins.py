"""The blocking client is the async one, method by method; `test_signatures` compares arguments."""

from __future__ import annotations

import inspect

import pytest

from smsworks_async import AsyncSMSWorks, SMSWorks


FAMILIES = ["messages", "batches", "otp", "credits", "utils", "auth", "bulk"]


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def test_both_clients_have_the_same_families_and_methods():
    awaited, blocking = AsyncSMSWorks("eyJ"), SMSWorks("eyJ")
    assert public(awaited) == public(blocking) == {*FAMILIES, "close"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_public_coroutine_has_a_blocking_twin(family):
    awaited = getattr(AsyncSMSWorks("eyJ"), family)
    blocking = getattr(SMSWorks("eyJ"), family)
    assert public(awaited) == public(blocking)
    for name in public(awaited):
        original, twin = getattr(awaited, name), getattr(blocking, name)
        assert inspect.iscoroutinefunction(original) or inspect.isasyncgenfunction(original)
        assert not inspect.iscoroutinefunction(twin)
        assert not inspect.isasyncgenfunction(twin)
