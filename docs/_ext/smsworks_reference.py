"""Sphinx directives that generate parts of the reference from the package.

- ``error-codes`` is the table of the API's error codes.
- ``family`` describes the methods of a family, such as ``messages``.
- ``blocking-methods`` is a table of the methods of `SMSWorks`, each with its awaited twin.
- The build warns of every public name that no page of the reference describes.
"""

from __future__ import annotations

import importlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from pygments.lexers.shell import BashLexer
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
    "smsworks_async.files",
    "smsworks_async.journals",
    "smsworks_async.optouts",
    "smsworks_async.phone",
    "smsworks_async.rates",
    "smsworks_async.sandbox",
    "smsworks_async.text",
    "smsworks_async.webhooks",
)
#: The families of a client's methods: the awaited class, and the blocking one that lists its twins.
FAMILIES = {
    name: (f"{awaited}", f"smsworks_async.blocking.{blocking}")
    for name, awaited, blocking in (
        ("messages", "smsworks_async.resources.messages.AsyncMessages", "client.Messages"),
        ("batches", "smsworks_async.resources.batches.AsyncBatches", "client.Batches"),
        ("otp", "smsworks_async.resources.otp.AsyncOTP", "client.OTP"),
        ("credits", "smsworks_async.resources.credits.AsyncCredits", "client.Credits"),
        ("utils", "smsworks_async.resources.utils.AsyncUtils", "client.Utils"),
        ("auth", "smsworks_async.resources.auth.AsyncAuth", "client.Auth"),
        ("bulk", "smsworks_async.bulk.AsyncBulk", "bulk.Bulk"),
        ("opt_outs", "smsworks_async.resources.opt_outs.AsyncOptOutList", "client.OptOutList"),
    )
}
#: Short forms; the page explains them.
IN_BULK = {
    RejectionScope.NOBODY: "goes on",
    RejectionScope.TEXT: "stops; ``send_each`` halves",
    RejectionScope.ACCOUNT: "stops",
    RejectionScope.INTERNATIONAL: "stops abroad",
    RejectionScope.WHEN_REPEATED: "stops if repeated",
}
#: The behaviour of bulk runs for codes whose scope does not determine it.
IN_BULK_BY_CODE = dict.fromkeys((4004, 5020), "halves")


class Table(SphinxDirective, ABC):
    """A table whose cells are written in reStructuredText."""

    header: Sequence[str] = ()

    @abstractmethod
    def rows(self) -> Iterable[Sequence[str]]:
        """Return the cells of each row below the header."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in (self.header, *self.rows()):
            lines += [f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(row)]
        return parse(self, lines)


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
            # The search ignores numbers, but not entries of the index.
            f":index:`{code.code}`",
            str(code.http_status),
            code.meaning,
            f"{code.advice[0].upper()}{code.advice[1:]}." if code.advice else "",
            "yes" if code.permanent else "no",
            f":py:exc:`~smsworks_async.{raised}`",
            IN_BULK_BY_CODE.get(code.code, IN_BULK[code.scope]),
        )


class BlockingMethods(Table):
    """Every method of `SMSWorks`, with a link to the description of its parameters."""

    header = ("Blocking", "Awaited twin", "What it does")

    def rows(self) -> Iterator[Sequence[str]]:
        """Return a row for each method of each family."""
        for family, (awaited, _) in FAMILIES.items():
            for name in methods_of(family):
                summary = (inspect.getdoc(getattr(load(awaited), name)) or "").partition("\n")[0]
                link = f":py:meth:`{name} <{awaited}.{name}>`"
                yield f"``sms.{family}.{name}``", link, summary


class Family(SphinxDirective):
    """The methods of a family, in the order in which the blocking client lists them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the class with its methods."""
        (family,) = self.arguments
        module, _, name = FAMILIES[family][0].rpartition(".")
        lines = [f".. py:currentmodule:: {module}", "", f".. autoclass:: {name}()", ""]
        for method in methods_of(family):
            lines += [f"   .. automethod:: {method}", ""]
        return parse(self, lines)


def parse(directive: SphinxDirective, lines: Sequence[str]) -> list[nodes.Node]:
    """Return the nodes of lines of reStructuredText."""
    container = nodes.Element()
    text = StringList(list(lines), source=__name__)
    directive.state.nested_parse(text, directive.content_offset, container)
    return container.children


def load(path: str) -> Any:
    """Return the object at a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def methods_of(family: str) -> list[str]:
    """Return the names of a family's methods, in the order of the blocking client."""
    return [name for name in vars(load(FAMILIES[family][1])) if not name.startswith("_")]


def undescribed(described: set[str]) -> list[str]:
    """Return the public names that no page describes."""
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
    for family, (awaited, _) in FAMILIES.items():
        methods = (f"{awaited}.{name}" for name in methods_of(family))
        missing += [method for method in methods if method not in described]
    return sorted(missing)


def check_public_names(_: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page describes."""
    for name in undescribed(set(env.domains.python_domain.objects)):
        logger.warning("%s is public, and no page of the reference describes it", name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and the check."""
    # The default lexer treats lines without a prompt as output.
    app.add_lexer("console", BashLexer)
    app.add_directive("error-codes", ErrorCodes)
    app.add_directive("blocking-methods", BlockingMethods)
    app.add_directive("family", Family)
    app.connect("env-check-consistency", check_public_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
