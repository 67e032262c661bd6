"""A pytest plugin that runs a sandbox for each test and keeps tests from sending real texts.

pytest loads it wherever this package is installed, so it must be cheap to import: the sandbox and
aiohttp are imported when the first test uses them.
"""

from __future__ import annotations

import inspect
import os
import socket
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import pytest


if TYPE_CHECKING:
    from smsworks_async.sandbox import BlockingSandbox, Sandbox


OFFLINE = "SMSWORKS_OFFLINE"
WEBHOOK_SECRET = "SMSWORKS_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
FIXTURE = "smsworks_sandbox"
_MARKERS = (
    "smsworks(credits=..., faults=..., ...): start the test's sandbox with these arguments",
    "smsworks_live: let the test reach the real API, where every text costs credits",
)
#: The key of an xdist worker's input for the environment before this plugin changed it.
_WORKER_INPUT_KEY = "smsworks_environment_before"

_sandbox_of = pytest.StashKey["Sandbox"]()
#: The environment variables set for the session: their values before it and during it.
_before = pytest.StashKey[Mapping[str, str | None]]()
_during = pytest.StashKey[Mapping[str, str | None]]()
_address = pytest.StashKey["_Address"]()


class _Address:
    """The port, token and webhook secret shared by all sandboxes of this process.

    They stay the same so that a client that the application creates once, for example at import,
    keeps working in later tests. Between sandboxes, nothing listens on the port.
    """

    def __init__(self) -> None:
        self.token = f"JWT eyJ{os.urandom(24).hex()}"
        self.webhook_secret = os.urandom(24).hex()
        self.port = 0
        self._holder: socket.socket | None = None

    def reserve(self) -> None:
        """Choose a free port, and on Linux keep it reserved for this process."""
        holder = socket.socket()
        # On Linux, a second socket can bind and listen while one with this option does not listen.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        self.port = holder.getsockname()[1]
        if sys.platform == "linux":
            self._holder = holder
        else:
            holder.close()

    def release(self) -> None:
        """Stop reserving the port."""
        if self._holder is not None:
            self._holder.close()

    def variables(self) -> dict[str, str]:
        """Return the environment variables with which an application uses the sandbox."""
        given = {
            "SMSWORKS_BASE_URL": f"http://127.0.0.1:{self.port}/v1",
            "SMSWORKS_TOKEN": self.token,
        }
        if not os.environ.get(WEBHOOK_SECRET):
            given[WEBHOOK_SECRET] = self.webhook_secret
        return given


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the plugin's settings."""
    parser.addini(
        "smsworks_offline",
        f"set {OFFLINE}=1 for the session, which keeps tests from sending real texts "
        "(default: true)",
        type="bool",
        default=True,
    )
    parser.addini(
        "smsworks_environment",
        "when the environment variables for the sandbox are set: during each test that uses it "
        "(test, the default), or from the start, before applications are imported (session)",
        default="test",
    )
    parser.addini(
        "smsworks_show_numbers",
        "show whole phone numbers when a test with a sandbox fails (default: false)",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and set the environment variables for the session."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    _set(getattr(config, "workerinput", {}).get(_WORKER_INPUT_KEY, {}))
    when = config.getini("smsworks_environment")
    if when not in {"test", "session"}:
        raise pytest.UsageError(f"smsworks_environment must be test or session, not {when!r}")
    during: dict[str, str | None] = {}
    if config.getini("smsworks_offline") and not os.environ.get(OFFLINE):
        during[OFFLINE] = "1"
    if when == "session":
        during |= _address_of(config).variables()
    before = {name: os.environ.get(name) for name in during}
    config.stash[_before], config.stash[_during] = before, during
    config.add_cleanup(lambda: _set(before))
    _set(during)


def _set(variables: Mapping[str, str | None]) -> None:
    """Set environment variables; remove those whose value is None."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _address_of(config: pytest.Config) -> _Address:
    if _address not in config.stash:
        address = config.stash[_address] = _Address()
        address.reserve()
        config.add_cleanup(address.release)
    return config.stash[_address]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the original environment to an xdist worker, which inherits the changed one."""
    node.workerinput[_WORKER_INPUT_KEY] = dict(node.config.stash[_before])


def pytest_itemcollected(item: pytest.Item) -> None:
    """Add the sandbox fixture to each test with the marker ``smsworks``."""
    names = getattr(item, "fixturenames", None)
    if names is not None and FIXTURE not in names and item.get_closest_marker("smsworks"):
        # It comes first because other fixtures may start the application. pytest shares the list
        # between items, so make a new one.
        item.fixturenames = [FIXTURE, *names]  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Restore the original environment while a test with the marker ``smsworks_live`` runs."""
    live = item.get_closest_marker("smsworks_live") is not None
    if live:
        _set(item.config.stash[_before])
    try:
        return (yield)
    finally:
        if live:
            _set(item.config.stash[_during])
        if _sandbox_of in item.stash:
            del item.stash[_sandbox_of]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the sandbox's messages and requests to the report of a failed test."""
    report = yield
    sandbox = item.stash.get(_sandbox_of, None)
    if sandbox is not None and report.failed:
        numbers = bool(item.config.getini("smsworks_show_numbers"))
        report.sections.append(("SMS Works sandbox", sandbox.describe(numbers=numbers)))
    return report


@pytest.fixture
def smsworks_sandbox_options() -> dict[str, Any]:
    """Return arguments of `Sandbox` for `smsworks_sandbox`; override this fixture to set them."""
    return {}


@pytest.fixture
def smsworks_sandbox(
    request: pytest.FixtureRequest, smsworks_sandbox_options: Mapping[str, Any]
) -> Iterator[Sandbox | BlockingSandbox]:
    """Run a sandbox for one test; clients created without arguments connect to it.

    The sandbox runs on its own thread. In an async test the fixture is a `Sandbox`, whose methods
    `advance`, `deliver`, `receive` and `reply` are coroutines; in other tests it is a
    `BlockingSandbox`, whose methods block. Messages are delivered immediately unless
    `delivery_delay` is passed, and `advance` moves the sandbox's clock forward.

    During the test, the environment variables SMSWORKS_BASE_URL, SMSWORKS_TOKEN,
    SMSWORKS_CUSTOMER_ID, SMSWORKS_KEY and SMSWORKS_SECRET are set to the sandbox's values, and
    SMSWORKS_WEBHOOK_SECRET as well if it was not set.
    """
    from smsworks_async.sandbox import RunningClock, Sandbox

    node = request.node
    options = _checked(smsworks_sandbox_options, "smsworks_sandbox_options", Sandbox)
    for marker in reversed(list(node.iter_markers("smsworks"))):
        if marker.args:
            _refuse("the marker smsworks takes only keyword arguments, such as credits=100")
        options |= _checked(marker.kwargs, "the marker smsworks", Sandbox)
    options.setdefault("clock", RunningClock())
    options.setdefault("delivery_delay", 0.0)
    address = _address_of(request.config)
    options.setdefault("token", address.token)
    sandbox = Sandbox(**{"port": address.port, **options})
    with ExitStack() as exits:
        try:
            blocking = exits.enter_context(sandbox)
        except OSError:
            if "port" in options or "database" in options:
                raise
            sandbox = Sandbox(**options)  # another process uses the port
            blocking = exits.enter_context(sandbox)
        exits.enter_context(_environment(sandbox, address))
        node.stash[_sandbox_of] = sandbox
        yield sandbox if _is_async(request) else blocking


def _checked(options: Any, where: str, sandbox: type) -> dict[str, Any]:
    """Return options of a sandbox as a dict; fail the test if one is not an argument of it."""
    if not isinstance(options, Mapping):
        _refuse(f"{where} must return a mapping of arguments of Sandbox")
    known = list(inspect.signature(sandbox).parameters)
    for name in options:
        if name not in known:
            import difflib  # only needed for the error message

            close = difflib.get_close_matches(str(name), known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
            _refuse(f"{where}: Sandbox has no argument {name!r}; {hint}")
    return dict(options)


def _refuse(why: str) -> NoReturn:
    pytest.fail(why, pytrace=False)


def _is_async(request: pytest.FixtureRequest) -> bool:
    function = getattr(request.node, "obj", None)
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)


@contextmanager
def _environment(sandbox: Sandbox, address: _Address) -> Iterator[None]:
    variables = {
        **address.variables(),
        "SMSWORKS_BASE_URL": sandbox.base_url,
        "SMSWORKS_TOKEN": sandbox.token,
        "SMSWORKS_CUSTOMER_ID": sandbox.customer_id,
        "SMSWORKS_KEY": sandbox.key,
        "SMSWORKS_SECRET": sandbox.secret,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield
