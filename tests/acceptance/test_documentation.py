"""The documentation agrees with itself and with the package: links, names, tables, diagrams."""

from __future__ import annotations

import doctest
import hashlib
import importlib
import pkgutil
import re
from itertools import pairwise

import pytest

import smsworks_async
from smsworks_async import SMSWorks
from support.doc_examples import PAGES, ROOT, examples
from support.parameter_walk import FAMILIES


DOCS = ROOT / "docs"
#: The pages, and those that the site includes.
LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
PUBLIC = (
    "",
    "bulk",
    "errors",
    "journals",
    "optouts",
    "phone",
    "rates",
    "sandbox",
    "text",
    "webhooks",
)
LINK = re.compile(r"(?<!`)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```+|:::+).*?^\1$", re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    text = page.read_text("utf-8")
    if included := re.match(r"```\{include\} (\S+)", text):
        return anchors(page.parent / included[1])
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", text), re.MULTILINE)
    words = (re.sub(r"\]\([^)]*\)", "", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in words}


def broken_links(page):
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def code_of_examples():
    yield from (example.code for example in examples())
    for module in pkgutil.walk_packages(smsworks_async.__path__, "smsworks_async."):
        if not module.name.endswith("__main__"):
            found = doctest.DocTestFinder(exclude_empty=True).find(
                importlib.import_module(module.name)
            )
            yield from (line.source for test in found for line in test.examples)


CODE = "\n".join(code_of_examples())


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_page_links_to_what_is_there(page):
    assert list(broken_links(page)) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b` c\n[a](gone.md) [b](#a-b-c) [c](#gone) [d](https://example.org/)\n")
    assert list(broken_links(page)) == ["gone.md", "#gone"]


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_in_an_example(module):
    package = importlib.import_module(".".join(filter(None, ("smsworks_async", module))))
    assert [name for name in package.__all__ if not re.search(rf"\b{name}\b", CODE)] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_public_methods_are_called_in_an_example(family):
    methods = [name for name in dir(getattr(SMSWorks, family)) if not name.startswith("_")]
    assert methods
    assert [name for name in methods if f"{family}.{name}(" not in CODE] == []


def test_settings_page_has_every_environment_variable():
    sources = [path.read_text("utf-8") for path in (ROOT / "smsworks_async").rglob("*.py")]
    used = set(re.findall(r"\bSMSWORKS_[A-Z_]*[A-Z]\b", "\n".join(sources)))
    assert used
    page = (DOCS / "settings.md").read_text("utf-8")
    assert {name for name in used if f"`{name}`" not in page} == set()


def test_contents_of_the_site_lead_to_every_page():
    listed = set()
    for page in DOCS.glob("*.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            listed |= {line.strip() for line in tree.splitlines() if not line.startswith(":")}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert {page for page in pages if not page.startswith("_build")} - listed == {"index"}


@pytest.mark.parametrize("source", sorted(DOCS.glob("diagrams/*.dot")), ids=lambda path: path.stem)
def test_diagram_is_drawn_from_its_text(source):
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert f"drawn from {digest} " in source.with_suffix(".svg").read_text("utf-8"), (
        "draw it anew: python docs/diagrams/render.py"
    )


def schema():
    sql = (ROOT / "smsworks_async/journals/sqlite/schema.sql").read_text("utf-8")
    starts = [match.start() for match in re.finditer("CREATE TABLE", sql)]
    for start, end in pairwise([*starts, len(sql)]):
        (name,) = re.findall(r"CREATE TABLE (\w+)", sql[start:end])
        yield name, set(re.findall(r"\w+", sql[start:end]))


def test_journal_page_and_diagram_have_every_table():
    tables = dict(schema())
    page = (DOCS / "journal.md").read_text("utf-8")
    drawn = (DOCS / "diagrams/journal-tables.dot").read_text("utf-8")
    labels = dict(re.findall(r'label="(\w+)\|([^"]*)"', drawn))
    assert labels.keys() == tables.keys()
    assert {name for name in tables if f"| `{name}` |" not in page} == set()
    for name, label in labels.items():
        columns = set(re.findall(r"\w+", re.sub(r"<\w+>", "", label.replace(r"\l", " "))))
        assert columns <= tables[name]
    postgres = (ROOT / "smsworks_async/journals/postgres/schema.sql").read_text("utf-8")
    more = set(re.findall(r"CREATE TABLE smsworks\.(\w+)", postgres)) - tables.keys()
    assert {name for name in more if f"`{name}`, " not in page} == set()


def test_diagrams_have_every_state():
    for states, diagram in (
        (smsworks_async.journals.State, "chunk-states"),
        (("planning", "running", "paused", "halted", "cancelled", "done"), "campaign-states"),
    ):
        drawn = (DOCS / f"diagrams/{diagram}.dot").read_text("utf-8")
        assert [state for state in map(str, states) if not re.search(rf"\b{state};", drawn)] == []


def test_diagram_of_rooms_has_imports_that_are_there():
    drawn = (DOCS / "diagrams/rooms.dot").read_text("utf-8")
    edges = re.findall(r'"?([\w.]+)"? -> "?([\w.]+)"?;', drawn)
    assert len(edges) > 20
    package = ROOT / "smsworks_async"
    for upper, lower in edges:
        room = package / upper.replace(".", "/")
        files = list(room.rglob("*.py")) if room.is_dir() else [room.with_suffix(".py")]
        text = "\n".join(file.read_text("utf-8") for file in files)
        name = re.escape(lower)
        ways = rf"smsworks_async\.{name}\b|from smsworks_async import [^\n]*\b{name}\b"
        assert re.search(ways, text), f"{upper} does not import {lower}"
