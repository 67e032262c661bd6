"""The signatures and docstrings of all public methods, async and blocking."""

from __future__ import annotations

import inspect
import pydoc
import re
from inspect import Parameter

import attrs
import pytest

from smsworks_async import AsyncSMSWorks, SMSWorks
from smsworks_async.bulk.options import Options


FAMILIES = ["messages", "batches", "otp", "credits", "utils", "auth", "bulk", "opt_outs"]
#: Parameters that may be positional.
IDENTIFIERS = {"message_id", "batch_id", "campaign", "code", "number"}
#: Made once: nothing is sent, and no connection is opened.
AWAITED, BLOCKING = AsyncSMSWorks("eyJ"), SMSWorks("eyJ")

METHODS = [
    f"{family}.{name}"
    for family in FAMILIES
    for name in dir(getattr(AWAITED, family))
    if not name.startswith("_")
]


def method(client, path):
    family, name = path.split(".")
    return getattr(getattr(client, family), name)


def parameters(function):
    return list(inspect.signature(function).parameters.values())


def documented(docstring):
    """Map each name in the Args section to its explanation, in order."""
    section = re.search(
        r"^Args:\n((?: {4}.*\n?|\n)+)", inspect.cleandoc(docstring) + "\n", re.MULTILINE
    )
    return dict(re.findall(r"^ {4}(\w+): (.+)$", section[1], re.MULTILINE)) if section else {}


def test_signatures_under_test_are_all_methods():
    assert len(METHODS) > 30
    assert {"messages.send", "bulk.send", "auth.token"} <= set(METHODS)


@pytest.mark.parametrize("client", [AWAITED, BLOCKING], ids=["awaited", "blocking"])
@pytest.mark.parametrize("path", METHODS)
def test_signatures_have_explicit_parameters_and_the_required_ones_first(client, path):
    found = parameters(method(client, path))
    kinds = [parameter.kind for parameter in found]
    assert Parameter.VAR_KEYWORD not in kinds
    assert Parameter.VAR_POSITIONAL not in kinds
    positional = [p.name for p in found if p.kind is not Parameter.KEYWORD_ONLY]
    assert len(positional) <= 1
    assert set(positional) <= IDENTIFIERS
    optional = [p.default is not Parameter.empty for p in found]
    assert optional == sorted(optional)
    assert all(p.annotation is not Parameter.empty for p in found)


@pytest.mark.parametrize("path", METHODS)
def test_docstrings_have_a_line_for_every_parameter(path):
    function = method(AWAITED, path)
    assert re.match(r"[A-Z][a-z]+ .*[.;]", function.__doc__)
    assert list(documented(function.__doc__)) == [p.name for p in parameters(function)]


def test_docstrings_have_a_line_for_every_argument_of_the_blocking_client():
    assert list(documented(SMSWorks.__doc__)) == [p.name for p in parameters(SMSWorks)]


@pytest.mark.parametrize("path", METHODS)
def test_signatures_are_the_same_in_both_clients(path):
    awaited, blocking = method(AWAITED, path), method(BLOCKING, path)
    assert parameters(blocking) == parameters(awaited)
    assert blocking.__doc__ == awaited.__doc__
    answer = inspect.signature(awaited).return_annotation
    assert inspect.signature(blocking).return_annotation == answer.replace("AsyncGen", "Gen")


@pytest.mark.parametrize("client", [AWAITED, BLOCKING], ids=["awaited", "blocking"])
def test_help_shows_parameters_and_what_they_mean(client):
    shown = pydoc.plain(pydoc.render_doc(client.bulk.send))
    for parameter in parameters(AWAITED.bulk.send):
        assert shown.count(parameter.name) >= 2


def test_signatures_of_both_constructors_are_the_same_but_for_the_session():
    awaited = {p.name: p for p in parameters(AsyncSMSWorks) if p.name != "session"}
    blocking = {p.name: p for p in parameters(SMSWorks)}
    assert list(blocking) == list(awaited)
    assert blocking == awaited
    with pytest.raises(TypeError, match="session"):
        SMSWorks("eyJ", session=None)


@pytest.mark.parametrize("client", [AWAITED, BLOCKING], ids=["awaited", "blocking"])
@pytest.mark.parametrize("path", METHODS)
def test_methods_raise_type_error_at_once_for_an_unknown_keyword(client, path):
    required = {p.name: None for p in parameters(method(client, path)) if p.default is p.empty}
    with pytest.raises(TypeError, match="'colour'"):
        method(client, path)(**required, colour="red")


@pytest.mark.parametrize("path", ["messages.send", "batches.send", "otp.send", "bulk.send"])
@pytest.mark.parametrize("client", [AWAITED, BLOCKING], ids=["awaited", "blocking"])
def test_methods_raise_type_error_at_once_for_a_missing_argument(client, path):
    with pytest.raises(TypeError, match="'sender'"):
        method(client, path)()


def test_signatures_of_bulk_runs_have_the_defaults_of_options():
    defaults = {
        name: field.default
        for name, field in attrs.fields_dict(Options).items()
        if field.default is not attrs.NOTHING
    }
    for path in ("bulk.send", "bulk.send_each", "bulk.retry_undelivered", "bulk.reconcile"):
        shown = {p.name: p.default for p in parameters(method(AWAITED, path))}
        for name in shown.keys() & defaults.keys():
            if shown[name] is not Parameter.empty:
                assert shown[name] == defaults[name], f"{path}: {name}"
    assert defaults.keys() <= {p.name for p in parameters(AWAITED.bulk.send)}
