"""Every example in the package's docstrings runs unchanged."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest

import smsworks_async


def module_names():
    walked = pkgutil.walk_packages(smsworks_async.__path__, "smsworks_async.")
    return ["smsworks_async", *(one.name for one in walked if not one.name.endswith("__main__"))]


MODULES = {name: importlib.import_module(name) for name in module_names()}
EXAMPLES = [
    pytest.param(test, id=test.name)
    for module in MODULES.values()
    for test in doctest.DocTestFinder(exclude_empty=True).find(module)
    if test.examples
]
#: An indented block after `::`.
BLOCK = re.compile(r"::\n\n((?:    .*\n|\n)+)")


def test_docstrings_have_examples():
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES)
def test_docstring_examples_run_as_they_are_written(example):
    written = []
    doctest.DocTestRunner().run(example, out=written.append)
    assert not written, "".join(written)


def is_python(block):
    try:
        return bool(ast.parse(textwrap.dedent(block)).body)
    except SyntaxError:
        return False


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_show_python_with_prompts_so_that_it_is_run(name):
    tree = ast.parse(Path(MODULES[name].__file__).read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    assert [block for doc in docs for block in BLOCK.findall(doc + "\n") if is_python(block)] == []
