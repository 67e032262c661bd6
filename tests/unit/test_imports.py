"""The allowed imports: packages are in layers, and no import goes upwards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import smsworks_async


PACKAGE = Path(smsworks_async.__file__).parent

#: From the bottom up. An entry is a module, or a package with its contents; the longest matching
#: name counts. It may import from itself and from lower layers.
FLOORS = [
    ["_version", "_lazy", "_decoding", "_error_codes", "_patching", "_clock", "_stops"],
    ["errors"],
    ["_callables", "_log_relay"],
    ["_greenlets"],
    ["_threads"],
    ["models.plain_values"],
    ["models.values"],
    ["_spelling", "_international"],
    ["text", "phone"],
    ["_redaction"],
    ["models"],
    ["_failures"],
    ["journals"],
    ["_csv_files", "_postgres_rate"],
    ["bulk.templates"],
    ["files"],
    ["_opt_out_files", "_opt_out_words"],
    ["optouts"],
    ["_client_journal"],
    ["_credentials"],
    ["rates"],
    ["_settings"],
    ["_http"],
    ["resources"],
    ["bulk"],
    ["bulk.campaign"],
    ["bulk.campaigns"],
    ["bulk.erasure"],
    ["bulk.continuing"],
    ["bulk.planning"],
    ["bulk.resource"],
    ["_idempotency"],
    ["client"],
    ["blocking"],
    ["webhooks"],
    ["queues"],
    ["sandbox"],
    ["pytest_plugin"],
    ["cli"],
    ["__main__"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
#: Packages that only re-export the public names of their modules, lazily.
FACES = {"", "blocking", "bulk", "bulk.journals", "files", "journals", "sandbox", "webhooks"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py")}


def room_of(module: str) -> str:
    while module not in FLOOR_OF:
        module, _, _ = module.rpartition(".")
        assert module, "a module that stands on no floor"
    return module


def imports_of(module: str) -> set[str]:
    """Return the modules of this package that a module imports anywhere, including for types."""
    found = set()
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = package.split(".") if package else []
                base = above[: len(above) - node.level + 1]
                origin = ".".join(["smsworks_async", *base, *filter(None, [node.module])])
            names = [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
        else:
            continue
        inside = {
            name.removeprefix("smsworks_async").removeprefix(".")
            for name in names
            if name.split(".")[0] == "smsworks_async"
        }
        inside &= MODULES.keys()
        # `from package import module` is about the module, unless there is nothing else.
        found |= {name for name in inside if not any(o.startswith(name + ".") for o in inside)} - {
            ""
        }
    return found - {module}


GRAPH = {module: imports_of(module) for module in MODULES if module not in FACES}


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_no_import_runs_upwards(module):
    floor = FLOOR_OF[room_of(module)]
    upwards = {
        other
        for other in GRAPH[module] - FACES
        if FLOOR_OF[room_of(other)] > floor
        or (FLOOR_OF[room_of(other)] == floor and room_of(other) != room_of(module))
    }
    assert upwards == set()


def test_no_modules_import_each_other_in_a_circle():
    left = {module: others & GRAPH.keys() for module, others in GRAPH.items()}
    while done := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in done}
    assert left == {}


def outside(room: str) -> set[str]:
    """Return the imports of an entry's modules from other entries."""
    own = {module for module in MODULES if module == room or module.startswith(room + ".")}
    return set().union(*map(imports_of, own)) - own


def test_sandbox_imports_nothing_of_the_client():
    assert outside("sandbox") <= {"_version"}


def test_journals_import_nothing_of_bulk():
    assert not {name for name in outside("journals") if name.split(".")[0] == "bulk"}


def test_errors_import_nothing_but_the_table_of_codes():
    assert outside("errors") == {"_error_codes"}


def test_journals_may_be_imported_by_their_former_name():
    from smsworks_async import journals
    from smsworks_async.bulk import journals as former

    assert {name: getattr(former, name) for name in journals.__all__} == {
        name: getattr(journals, name) for name in journals.__all__
    }
