"""The imports of the sandbox and of webhooks: no cycles, and no forbidden modules."""

from __future__ import annotations

import ast
import graphlib
import sys
from pathlib import Path

import pytest

import smsworks_async


PACKAGE = Path(smsworks_async.__file__).parent
ROOMS = ["sandbox", "webhooks"]


def imports(path):
    """Return the modules that a module imports: for types alone and inside functions, too."""
    package = ["smsworks_async", *path.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            submodules = {f"{name}.{alias.name}" for alias in node.names}
            known = {module for module in submodules if is_module(module)}
            found |= known or {name}
    return found


def is_module(name):
    parts = name.split(".")
    if parts[0] != "smsworks_async":
        return False
    path = PACKAGE.joinpath(*parts[1:])
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def modules(room):
    """Return the imports of each module of a room, but for the room's face to its users."""
    return {
        f"smsworks_async.{room}.{path.stem}": imports(path)
        for path in (PACKAGE / room).glob("*.py")
        if path.stem != "__init__"
    }


@pytest.mark.parametrize("room", ROOMS)
def test_imports_within_a_room_run_in_one_direction(room):
    inside = modules(room)
    assert len(inside) > 10
    order = graphlib.TopologicalSorter({name: inside.keys() & of for name, of in inside.items()})
    order.prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("room", ROOMS)
def test_imports_within_a_room_are_never_of_its_face(room):
    face = f"smsworks_async.{room}"
    assert not [name for name, found in modules(room).items() if face in found]


def test_sandbox_imports_nothing_of_the_client_and_two_libraries():
    found = {name for path in (PACKAGE / "sandbox").rglob("*.py") for name in imports(path)}
    own = ("smsworks_async.sandbox", "smsworks_async._version")
    foreign = {name for name in found if not name.startswith(own)}
    assert {name.split(".")[0] for name in foreign} - sys.stdlib_module_names == {
        "aiohttp",
        "attrs",
    }


def test_simulator_and_all_below_it_import_no_server_and_no_socket():
    inside = modules("sandbox")
    below, new = set(), {"smsworks_async.sandbox.simulator"}
    while new:
        below |= new
        new = {name for module in new for name in inside.keys() & inside[module]} - below
    assert "smsworks_async.sandbox.account" in below
    imported = {name.split(".")[0] for module in below for name in inside[module]}
    assert not imported & {"aiohttp", "asyncio", "socket", "sqlite3", "threading"}


@pytest.mark.parametrize("adapter", ["aiohttp", "asgi", "django", "wsgi"])
def test_webhooks_adapters_import_the_processor_and_the_processor_no_adapter(adapter):
    inside = modules("webhooks")
    name = f"smsworks_async.webhooks.{adapter}"
    assert "smsworks_async.webhooks.processor" in inside[name]
    assert {module for module, found in inside.items() if name in found} <= {
        "smsworks_async.webhooks.webhooks",
        "smsworks_async.webhooks.django",  # reads a body as WSGI does
    }
