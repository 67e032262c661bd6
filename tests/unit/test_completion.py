"""Jedi, which editors and IPython ask, shows the parameters of awaited and blocking methods."""

from __future__ import annotations

import inspect

import jedi
import pytest

from smsworks_async import AsyncSMSWorks, SMSWorks


FAMILIES = ["messages", "batches", "otp", "credits", "utils", "auth", "bulk", "opt_outs"]
#: Made once: nothing is sent, and no connection is opened.
AWAITED, BLOCKING = AsyncSMSWorks("eyJ"), SMSWorks("eyJ")


def methods(family):
    found = [name for name in dir(getattr(AWAITED, family)) if not name.startswith("_")]
    return [f"{family}.{name}" for name in found]


#: All methods are made in the same ways: the first of each family is enough, unless there is time.
SHOWN = [
    pytest.param(path, marks=pytest.mark.slow if number else ())
    for family in FAMILIES
    for number, path in enumerate(methods(family))
]


def parameters(path):
    family, name = path.split(".")
    return list(inspect.signature(getattr(getattr(AWAITED, family), name)).parameters)


@pytest.fixture(scope="module", autouse=True)
def jedis_own_cache(tmp_path_factory):
    """Keep what jedi has parsed to this process: it reads files that others are writing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jedi.settings, "cache_directory", str(tmp_path_factory.mktemp("jedi")))
        yield


def jedis_parameters(signatures):
    (signature,) = signatures
    return [parameter.name for parameter in signature.params]


@pytest.mark.parametrize("client", [AWAITED, BLOCKING], ids=["awaited", "blocking"])
@pytest.mark.parametrize("path", SHOWN)
def test_jedi_shows_the_parameters_of_live_objects_as_ipython_does(client, path):
    code = jedi.Interpreter(f"sms.{path}(", [{"sms": client}])
    assert jedis_parameters(code.get_signatures()) == parameters(path)


@pytest.mark.parametrize("client", ["AsyncSMSWorks", "SMSWorks"])
@pytest.mark.parametrize("path", SHOWN)
def test_jedi_shows_the_parameters_in_a_file_as_editors_do(client, path):
    module = "client" if client == "AsyncSMSWorks" else "blocking.client"
    code = jedi.Script(
        f"from smsworks_async.{module} import {client}\nsms = {client}()\nsms.{path}("
    )
    assert jedis_parameters(code.get_signatures()) == parameters(path)
