"""Wire names and secrecy are declared on the models' fields."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import attrs
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from smsworks_async import APIError, AsyncSMSWorks, resources
from smsworks_async._http.operations import Operation
from smsworks_async.models import failure, incoming, otp, outgoing, posted
from smsworks_async.models.convert import from_wire, to_wire
from smsworks_async.models.fields import secret_strings, wire, wire_of
from smsworks_async.models.incoming import extra_fields
from support.internals import requester_of


@attrs.frozen
class Count:
    """A model defined only here."""

    number: int = attrs.field(metadata=wire("messageCount", also=("count",)))
    note: str | None = None
    extra: Mapping[str, Any] = extra_fields()


@attrs.frozen(kw_only=True)
class CountQuery:
    """A query defined only here."""

    status: str | None = attrs.field(default=None, metadata=wire(secret=False))
    sent_by: str | None = attrs.field(default=None, metadata=wire("from"))
    tags: tuple[str, ...] = attrs.field(default=(), metadata=wire("tag"))
    unread: bool | None = None


COUNT = Operation("GET", "/messages/count", repeatable=True)
COUNT_IN = Operation("GET", "/messages/{}/count", repeatable=True)


def models(*modules):
    return [
        model
        for module in modules
        for model in vars(module).values()
        if isinstance(model, type) and attrs.has(model) and model.__module__ == module.__name__
    ]


def operations():
    for module in pkgutil.iter_modules(resources.__path__):
        for value in vars(import_module(f"{resources.__name__}.{module.name}")).values():
            if isinstance(value, Operation):
                yield value


def test_wire_fields_are_all_that_a_new_model_needs():
    read = from_wire({"count": "3", "note": None, "newer": [1]}, Count)
    assert read == Count(3, extra={"newer": [1]})
    assert from_wire([{"messageCount": 3}], list[Count]) == [Count(3)]
    assert to_wire(CountQuery(sent_by="AcmeCorp")) == {"from": "AcmeCorp"}


@pytest.mark.parametrize("model", models(incoming, posted), ids=lambda model: model.__name__)
def test_extra_fields_keep_what_a_model_does_not_know(model):
    required = {
        wire_of(field).name or field.name: "1"
        for field in attrs.fields(model)
        if field.default is attrs.NOTHING
    }
    assert from_wire({**required, "newer": 1}, model).extra == {"newer": 1}


def test_extra_fields_are_missing_only_from_parts_of_models_that_have_them():
    assert models(failure) == [failure.FailureReason]


@pytest.mark.parametrize("model", models(outgoing, otp), ids=lambda model: model.__name__)
def test_secret_fields_are_those_that_a_repr_hides(model):
    shown_as_they_are = {"sender"}  # of a search: an alphanumeric sender is no secret
    for field in attrs.fields(model):
        if field.repr is not True and field.name not in shown_as_they_are:
            assert wire_of(field).secrets is not None, field.name


@pytest.mark.parametrize("operation", sorted(set(operations()), key=str), ids=str)
def test_operations_with_a_body_name_its_model(operation):
    assert (operation.body is None) is (operation.method != "POST")


def test_secret_strings_are_the_values_of_secret_fields():
    message = outgoing.Message(
        sender="AcmeCorp",
        destination="07700 900123",
        content="Hello",
        tag="spring",
        metadata={"order": "1234567"},
        response_email=["me@example.org"],
    )
    secrets = {"447700900123", "Hello", "1234567", "me@example.org"}
    document = to_wire(message)
    assert set(secret_strings(document, outgoing.Message)) == secrets
    assert set(secret_strings([document, document], outgoing.Message)) == secrets
    # Without a model everything is secret, as is a field that the model lacks.
    assert set(secret_strings(document, None)) == secrets | {"AcmeCorp", "spring", "order"}
    assert set(secret_strings({"newer": "x", "sender": "y"}, outgoing.Message)) == {"x"}


@asynccontextmanager
async def echo(status=200):
    """A server that answers with the address that was requested, and a client of it."""

    async def answer(request):
        said = {"message": f"no {request.path_qs}", "errorCode": 4010, "count": 1}
        if status == 200:
            said = {"count": 1, "address": request.raw_path}
        return web.json_response(said, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with (
        TestServer(app, host="127.0.0.1") as server,
        AsyncSMSWorks("eyJ", base_url=str(server.make_url("/v1"))) as sms,
    ):
        yield requester_of(sms)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            CountQuery(status="SENT", sent_by="a b+c&d=é%20"),
            "?status=SENT&from=a%20b%2Bc%26d%3D%C3%A9%2520",
        ),
        (CountQuery(tags=("a", "b"), unread=False), "?tag=a&tag=b&unread=false"),
        (CountQuery(), ""),
        ({"limit": 5, "q": "x/y"}, "?limit=5&q=x%2Fy"),
    ],
)
async def test_query_string_of_a_get_is_encoded_once(query, expected):
    async with echo() as requester:
        read = await requester.request(COUNT, query=query, into=Count)
        assert read.extra["address"] == f"/v1/messages/count{expected}"
        read = await requester.request(COUNT_IN, query=query, identifier="a/b", into=Count)
        assert read.extra["address"] == f"/v1/messages/a%2Fb/count{expected}"


async def test_query_secrets_are_in_no_error():
    query = CountQuery(status="SENT", sent_by="Robert Tables")
    async with echo(400) as requester:
        with pytest.raises(APIError) as caught:
            await requester.request(COUNT, query=query, into=Count)
        assert "status=SENT" in str(caught.value)
        assert "Robert" not in str(caught.value)
        with pytest.raises(APIError) as caught:
            await requester.request(COUNT, query={"name": "Robert Tables"}, into=Count)
        assert "Robert" not in str(caught.value)


async def test_query_refuses_objects():
    async with echo() as requester:
        with pytest.raises(TypeError, match="query string cannot contain a dict"):
            await requester.request(COUNT, query={"metadata": [{"key": "a"}]}, into=Count)
