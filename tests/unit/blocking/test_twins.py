"""The blocking client is the async one, method by method; `test_signatures` compares arguments."""

from __future__ import annotations

import inspect
from unittest.mock import MagicMock, create_autospec

import pytest

from smsworks_async import AsyncSMSWorks, SMSWorks


FAMILIES = ["messages", "batches", "otp", "credits", "utils", "auth", "bulk", "opt_outs"]


def public(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def test_blocking_client_has_the_same_families_and_methods():
    awaited, blocking = AsyncSMSWorks("eyJ"), SMSWorks("eyJ")
    assert public(awaited) == public(blocking) == {*FAMILIES, "clock", "close"}


@pytest.mark.parametrize("family", FAMILIES)
def test_blocking_client_has_a_twin_of_every_public_coroutine(family):
    awaited = getattr(AsyncSMSWorks("eyJ"), family)
    blocking = getattr(SMSWorks("eyJ"), family)
    assert public(awaited) == public(blocking)
    for name in public(awaited):
        original, twin = getattr(awaited, name), getattr(blocking, name)
        assert inspect.iscoroutinefunction(original) or inspect.isasyncgenfunction(original)
        assert not inspect.iscoroutinefunction(twin)
        assert not inspect.isasyncgenfunction(twin)


@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
@pytest.mark.parametrize("instance", [False, True])
def test_clients_show_create_autospec_every_family_and_the_arguments_of_its_methods(
    client, instance
):
    double = create_autospec(client, instance=instance)
    for family in FAMILIES:
        methods = public(getattr(client("eyJ"), family))
        assert methods <= set(dir(getattr(double, family)))
    message = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}
    double.messages.send.return_value = "sent"
    sent = double.messages.send(**message)
    assert inspect.isawaitable(sent) is (client is AsyncSMSWorks)
    if inspect.isawaitable(sent):
        sent.close()
    with pytest.raises(TypeError):
        double.messages.send(**message, contents="Hello")
    with pytest.raises(AttributeError):
        double.messages.sned(**message)


@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
def test_clients_families_are_attributes_of_the_class_and_made_once_for_each_client(client):
    assert set(FAMILIES) <= set(dir(MagicMock(spec=client)))
    one, other = client("eyJ"), client("eyJ")
    for family in FAMILIES:
        made = getattr(one, family)
        assert made is getattr(one, family)
        assert made is not getattr(other, family)
        assert isinstance(made, getattr(client, family))
