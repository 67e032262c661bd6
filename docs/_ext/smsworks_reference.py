"""What the reference takes from the package itself.

- ``error-codes`` is the table of the API's error codes.
- ``blocking-methods`` is a table of the methods of `SMSWorks`, each with its awaited twin.
- The build warns of every public name that no page of the reference describes.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from smsworks_async.errors import CODES, ErrorCode, RejectionScope, api_error_class


logger = logging.getLogger(__name__)

#: The modules whose `__all__` the reference describes.
PUBLIC_MODULES = (
    "smsworks_async",
    "smsworks_async.bulk",
    "smsworks_async.errors",
    "smsworks_async.journals",
    "smsworks_async.optouts",
    "smsworks_async.phone",
    "smsworks_async.rates",
    "smsworks_async.sandbox",
    "smsworks_async.text",
    "smsworks_async.webhooks",
)
#: The awaited class behind each attribute of a client that has methods.
FAMILIES = {
    "messages": "smsworks_async.resources.messages.AsyncMessages",
    "batches": "smsworks_async.resources.batches.AsyncBatches",
    "otp": "smsworks_async.resources.otp.AsyncOTP",
    "credits": "smsworks_async.resources.credits.AsyncCredits",
    "utils": "smsworks_async.resources.utils.AsyncUtils",
    "auth": "smsworks_async.resources.auth.AsyncAuth",
    "bulk": "smsworks_async.bulk.AsyncBulk",
    "opt_outs": "smsworks_async.resources.opt_outs.AsyncOptOutList",
}
IN_BULK = {
    RejectionScope.NOBODY: "The chunk is rejected; the run goes on.",
    RejectionScope.TEXT: (
        "``send``: the run stops, since everybody would get this text. "
        "``send_each``: the chunk is halved until the text is found; the run goes on."
    ),
    RejectionScope.ACCOUNT: "The run stops; the rest is *not sent*.",
    RejectionScope.INTERNATIONAL: (
        "Recipients outside the UK are *not sent* from then on; the run goes on."
    ),
    RejectionScope.WHEN_REPEATED: "The run stops when two chunks in a row meet it.",
}
#: What bulk does where the scope alone does not tell.
IN_BULK_BY_CODE = dict.fromkeys(
    (4004, 5020), "The chunk is halved until the number is found; the run goes on."
)


class Table(SphinxDirective):
    """A table whose cells are written in reStructuredText."""

    header: Sequence[str] = ()

    def rows(self) -> Iterable[Sequence[str]]:
        """Return the cells of each row below the header."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in (self.header, *self.rows()):
            lines += [f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(row)]
        container = nodes.Element()
        self.state.nested_parse(StringList(lines, source=__name__), 0, container)
        return container.children


class ErrorCodes(Table):
    """Every code of the API, from the package's own table."""

    header = ("Code", "HTTP", "Meaning", "What to do", "Permanent", "Raised", "In bulk")

    def rows(self) -> Iterator[Sequence[str]]:
        """Return a row for each code."""
        for code in CODES.values():
            yield self._row(code)

    def _row(self, code: ErrorCode) -> Sequence[str]:
        raised = api_error_class(code.http_status, code.code).__name__
        return (
            f"``{code.code}``",
            str(code.http_status),
            code.meaning,
            f"{code.advice[0].upper()}{code.advice[1:]}." if code.advice else "",
            "yes" if code.permanent else "no",
            f":py:exc:`~smsworks_async.{raised}`",
            IN_BULK_BY_CODE.get(code.code, IN_BULK[code.scope]),
        )


class BlockingMethods(Table):
    """Every method of `SMSWorks`, and where its parameters are described."""

    header = ("Blocking", "Awaited twin", "What it does")

    def rows(self) -> Iterator[Sequence[str]]:
        """Return a row for each method of each family."""
        for family, awaited in FAMILIES.items():
            for name, method in public_methods(awaited):
                summary = (inspect.getdoc(method) or "").partition("\n")[0]
                link = f":py:meth:`{name} <{awaited}.{name}>`"
                yield f"``sms.{family}.{name}``", link, summary


def load(path: str) -> Any:
    """Return what a dotted path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def public_methods(path: str) -> list[tuple[str, Any]]:
    """Return the public methods of a class and of its bases, in the order of their source."""
    found: dict[str, Any] = {}
    for base in load(path).__mro__:
        methods = {name: value for name, value in vars(base).items() if inspect.isfunction(value)}
        found = {**found, **{name: found.get(name, value) for name, value in methods.items()}}
    return [(name, method) for name, method in found.items() if not name.startswith("_")]


def undescribed(described: set[str]) -> list[str]:
    """Return the public names that are not among those that pages describe."""
    missing = []
    for module in PUBLIC_MODULES:
        package = importlib.import_module(module)
        for name in set(package.__all__) - {"__version__"}:
            value = getattr(package, name)
            if inspect.ismodule(value):
                names = {value.__name__}
            else:
                homes = (module, getattr(value, "__module__", module), "smsworks_async")
                names = {f"{home}.{name}" for home in homes}
            if not names & described:
                missing.append(f"{module}.{name}")
    for awaited in FAMILIES.values():
        methods = (f"{awaited}.{name}" for name, _ in public_methods(awaited))
        missing += [method for method in methods if method not in described]
    return sorted(missing)


def check_public_names(_: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page describes."""
    for name in undescribed(set(env.domains.python_domain.objects)):
        logger.warning("%s is public, and no page of the reference describes it", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and the check."""
    app.add_directive("error-codes", ErrorCodes)
    app.add_directive("blocking-methods", BlockingMethods)
    app.connect("env-check-consistency", check_public_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
