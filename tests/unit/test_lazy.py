"""Lazy imports of public names: all ways to a name agree."""

from __future__ import annotations

import ast
import pickle
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import smsworks_async


#: The libraries of the HTTP client.
HTTP = {"aiohttp", "yarl", "multidict", "tenacity", "cattrs"}


def lazy_packages():
    found = [smsworks_async]
    for module in pkgutil.walk_packages(smsworks_async.__path__, "smsworks_async."):
        if module.ispkg:
            package = import_module(module.name)
            if hasattr(package, "_MODULES"):
                found.append(package)
    return found


PACKAGES = lazy_packages()
packages = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def imported_for_types(package):
    """Return the names that a package imports for type checkers, and from where."""
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    found = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for name in node.names:
            assert name.asname is None
            whole = f"{node.module}.{name.name}"
            is_module = node.module == package.__name__
            found[name.name] = whole if is_module else node.module
    return found


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_lazy_packages_are_found():
    assert {package.__name__ for package in PACKAGES} >= {"smsworks_async", "smsworks_async.bulk"}


@packages
def test_lazy_package_table_list_and_imports_for_types_agree(package):
    table = dict(package._MODULES)
    assert imported_for_types(package) == table
    assert set(package.__all__) - {"__version__"} == set(table)
    assert len(package.__all__) == len(set(package.__all__))


@packages
def test_lazy_package_shows_every_name_to_dir_and_a_star_import(package):
    names = set(package.__all__)
    assert names <= set(dir(package))
    code = (
        f"from {package.__name__} import *; print(*[n for n in {sorted(names)} if n in globals()])"
    )
    assert run(code) == names
    code = f"import {package.__name__} as package; print(*dir(package))"
    assert names <= run(code)  # before any of them is used


@packages
def test_lazy_package_has_each_name_where_its_table_says_and_it_pickles(package):
    for name, module in package._MODULES.items():
        value = getattr(package, name)
        if module == f"{package.__name__}.{name}":
            assert value is import_module(module)
            continue
        assert value is getattr(import_module(module), name)
        if isinstance(value, type):
            assert value.__module__ == module, name
            assert pickle.loads(pickle.dumps(value)) is value


@packages
def test_lazy_package_raises_attribute_error_for_a_name_it_does_not_have(package):
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = package.Nothing
    with pytest.raises(ImportError):
        exec(f"from {package.__name__} import Nothing")


@pytest.mark.parametrize(
    "code",
    [
        "from smsworks_async import text; text.measure('Hello')",
        "from smsworks_async import phone; phone.normalise('07700 900123')",
        "from smsworks_async import SMSWorksError, APIError, NotSent; NotSent('x')",
        "from smsworks_async import BulkInterrupted, BulkReport; BulkInterrupted('x')",
        "from smsworks_async import Message, MessageFields; Message.__name__",
        "from smsworks_async import DeliveryReport, IncomingMessage, MessageRecord",
        "from smsworks_async import RetryPolicy; RetryPolicy(attempts=1)",
        "import smsworks_async.errors, smsworks_async.rates, smsworks_async.bulk",
        "import smsworks_async.journals; from smsworks_async.bulk import BulkStatus",
    ],
)
def test_lazy_imports_load_no_http_where_none_is_needed(code):
    loaded = run(f"{code}\nimport sys; print(*sys.modules)")
    assert "smsworks_async" in loaded
    assert not loaded & HTTP
