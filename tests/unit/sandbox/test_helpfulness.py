"""Mistakes in tests that use the sandbox are reported, not ignored."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.sandbox import Fault, Sandbox
from smsworks_async.sandbox.operations import OPERATIONS
from smsworks_async.sandbox.routes import struck_by


async def test_accepted_takes_a_destination_in_any_usual_spelling_and_nothing_else():
    async with Sandbox() as box:
        for spelling in ("447700900123", "07700 900123", "+44 7700 900123", "0044 7700-900123"):
            assert box.accepted(spelling) == 0
        with pytest.raises(ValueError, match="not a valid destination"):
            box.accepted("nobody")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/message/send", "; did you mean '/message/send'?"),
        ("message/send", "; did you mean '/message/send'?"),
        ("/message/send/", "; did you mean '/message/send'?"),
        ("/v1/messages/{messageid}", "; did you mean '/messages/*'?"),
        ("/v1/*", "; did you mean '/*'?"),
        ("/message/snd", "did you mean '/message/send' or "),
        ("/messages/send", "did you mean '/message/send' or "),
        ("/batch/sent", "did you mean '/batch/send'"),
        ("/messages/sent/123", " or '/messages/schedule/*'?"),
        ("/mesage/*", "did you mean '/messages"),
        ("/message/send*x", "did you mean '/message/send'"),
        ("/messages/?/?", "did you mean '/messages"),
        ("/[ab]uth/login", "did you mean '/auth/token'"),
        ("/zzz", "not '/zzz'$"),
    ],
)
def test_fault_refuses_a_path_that_strikes_nothing_and_names_those_that_may_be_meant(path, meant):
    expected = meant if meant.endswith("$") else re.escape(meant)
    with pytest.raises(ValueError, match=rf"below /v1, or a pattern.*{expected}"):
        Fault(path=path)


@pytest.mark.parametrize(
    "path",
    [
        "*",
        "/*",
        "/batch/*",
        "/batch*",
        "*/schedule/*",
        "/messages/1234*",
        "/messages/????",
        "/messages/*9",
        "/[bm]*/send",
        "/message/[!f]*",
        "/messages/schedule/[0-9]*",
        "/messages/12",
        "*/{",
    ],
)
def test_fault_takes_a_path_or_a_pattern_that_can_strike(path):
    assert Fault(path=path).path == path


@given(
    st.text("/messagbtch*?[]!", max_size=12),
    st.sampled_from(OPERATIONS),
    st.text("a/1", max_size=3),
)
def test_fault_takes_every_pattern_that_fits_an_operations_path(pattern, operation, given_id):
    path = re.sub(r"\{[^}]*\}", "a" + given_id.replace("/", ""), operation.path)
    for written in (pattern, path[: len(path) // 2] + pattern):
        if fnmatchcase(path, written) and ("*" in written or "?" in written or "[" in written):
            assert operation in struck_by(written)


@pytest.mark.parametrize(
    ("path", "method", "has"),
    [
        ("/message/send", "GET", "POST"),
        ("/messages/*", "PUT", "DELETE, GET, POST"),
        ("/otp/*", "DELETE", "GET, POST"),
        ("/credits/balance", "POST", "GET"),
    ],
)
def test_fault_refuses_a_method_that_its_path_lacks_and_names_those_it_has(path, method, has):
    with pytest.raises(ValueError, match=r"^method must be one") as refused:
        Fault(path=path, method=method)
    assert method == "PUT" or f"({has})" in str(refused.value)
    other = has.split(", ")[0]
    assert Fault(path=path, method=other).method == other


def test_sandbox_has_no_address_until_it_listens():
    with pytest.raises(RuntimeError, match="async with"):
        _ = Sandbox().base_url
