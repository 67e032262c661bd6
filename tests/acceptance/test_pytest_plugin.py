"""The pytest plugin in users' projects, each run by a separate pytest process."""

from __future__ import annotations

import os
import re
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest


pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / "docs" / name).read_text("utf-8") for name in ("testing.md", "howto/pytest.md")]
EXAMPLES = dict(re.findall(r"```python (\w+\.py)\n(.*?)```", "\n".join(PAGES), re.DOTALL))
#: Load the plugin explicitly if the installed package's metadata predates it.
INSTALLED = any(entry_points(group="pytest11", name="smsworks"))
GIVEN = [] if INSTALLED else ["-p", "smsworks_async.pytest_plugin"]
#: Other installed plugins, disabled because they slow each run down.
BARE = [f"-pno:{name}" for name in ("asyncio", "anyio", "hypothesispytest", "faker", "xdist")]
XDIST = [*BARE[:-1], "-n", "2"]
#: A warning of Starlette about the version of its test client.
WARNINGS = ["error", "ignore:Using .httpx."]


@pytest.fixture
def project(pytester, monkeypatch):
    """A project that treats warnings as errors, in an environment with an account's credentials."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "")
    monkeypatch.setenv("SMSWORKS_TOKEN", "eyJ-real")
    pytester.makeini(
        "\n".join(
            [
                "[pytest]",
                "addopts = --strict-markers --strict-config -p no:cacheprovider",
                "filterwarnings =",
                *(f"    {one}" for one in WARNINGS),
            ]
        )
    )
    return pytester


def add_setting(project, line):
    ini = project.path / "tox.ini"
    ini.write_text(f"{ini.read_text()}\n{line}\n")


def run(project, *arguments, plugins=BARE):
    return project.runpytest_subprocess(*GIVEN, *plugins, *arguments)


def make(project, **files):
    project.makepyfile(**files)


def test_entry_point_of_the_project_is_the_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [name] = project["entry-points"]["pytest11"].values()
    assert import_module(name).smsworks_sandbox


def test_examples_of_the_pages_pass_as_they_are_written(project):
    assert len(EXAMPLES) >= 10
    for name, source in EXAMPLES.items():
        (project.path / name).write_text(source)
    add_setting(project, "smsworks_environment = session")
    add_setting(project, "pythonpath = .")
    add_setting(project, "asyncio_default_fixture_loop_scope = function")
    run(project, plugins=BARE[1:]).assert_outcomes(passed=17)


@pytest.mark.parametrize(
    ("name", "longest"),
    [("test_shop_fastapi.py", 30), ("test_shop_django.py", 12), ("test_remind.py", 27)],
)
def test_examples_have_no_boilerplate(name, longest):
    lines = [line for line in EXAMPLES[name].splitlines() if line]
    first = next(n for n, line in enumerate(lines) if line.startswith("def "))
    # Besides the imports, a test needs only the test client of FastAPI or Django.
    extra = [line for line in lines[:first] if not re.match(r"import |from ", line)]
    assert [line for line in extra if not line.startswith("client = ")] == []
    assert len(lines) <= longest


PLAIN = """
    import os, unittest, pytest
    from smsworks_async import SMSWorks
    from smsworks_async.sandbox import BlockingSandbox

    TEXT = {"sender": "447700900000", "destination": "07700 900123", "content": "Hello"}
    sms = None

    @pytest.mark.parametrize("time", range(3))
    def test_accounts_are_fresh_and_a_client_made_once_goes_on_working(smsworks_sandbox, time):
        global sms
        assert isinstance(smsworks_sandbox, BlockingSandbox)
        sms = sms or SMSWorks()
        sms.messages.send(**TEXT)
        smsworks_sandbox.assert_texted("07700 900123")
        assert smsworks_sandbox.messages[0].status == "DELIVERED"
        smsworks_sandbox.advance(3600)

    def test_environment_names_the_sandbox(smsworks_sandbox):
        given = {
            name: value
            for name, value in os.environ.items()
            if name.startswith("SMSWORKS_") and not name.startswith("SMSWORKS_TEST_")
        }
        assert given.pop("SMSWORKS_WEBHOOK_SECRET")
        assert given == {
            "SMSWORKS_BASE_URL": smsworks_sandbox.base_url,
            "SMSWORKS_TOKEN": smsworks_sandbox.token,
            "SMSWORKS_CUSTOMER_ID": smsworks_sandbox.customer_id,
            "SMSWORKS_KEY": smsworks_sandbox.key,
            "SMSWORKS_SECRET": smsworks_sandbox.secret,
            "SMSWORKS_OFFLINE": "1",
        }

    def test_environment_is_restored():
        assert os.environ["SMSWORKS_TOKEN"] == "eyJ-real"
        assert "SMSWORKS_BASE_URL" not in os.environ
        assert "SMSWORKS_WEBHOOK_SECRET" not in os.environ

    @pytest.mark.smsworks(credits=5)
    class TestMarked:
        def test_marker_of_the_class_counts(self, smsworks_sandbox):
            assert smsworks_sandbox.credits == 5

        @pytest.mark.smsworks(credits=6, max_batch=2)
        def test_innermost_marker_counts(self, smsworks_sandbox):
            assert smsworks_sandbox.credits == 6

        def test_marker_starts_a_sandbox_without_the_fixture(self):
            assert "127.0.0.1" in os.environ["SMSWORKS_BASE_URL"]

    @pytest.fixture
    def started():
        return os.environ.get("SMSWORKS_BASE_URL")

    @pytest.mark.parametrize(
        "marked", [pytest.param(True, marks=pytest.mark.smsworks(credits=1)), False]
    )
    def test_marker_starts_a_sandbox_before_other_fixtures(started, marked):
        assert bool(started) is marked

    class TestClass(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def use(self, smsworks_sandbox):
            self.sandbox = smsworks_sandbox

        @pytest.mark.smsworks(credits=7)
        def test_unittest(self):
            assert self.sandbox.credits == 7

    class TestAsync(unittest.IsolatedAsyncioTestCase):
        @pytest.fixture(autouse=True)
        def use(self, smsworks_sandbox):
            self.sandbox = smsworks_sandbox

        async def test_async_unittest(self):
            await self.sandbox.advance(1)
"""


@pytest.mark.parametrize("plugins", [BARE, XDIST], ids=["one process", "xdist"])
def test_plugin_gives_plain_and_unittest_tests_a_sandbox(project, plugins):
    """Check this also without pytest-asyncio."""
    make(project, test_plain=PLAIN)
    run(project, plugins=plugins).assert_outcomes(passed=12)


def test_plugin_takes_options_from_a_fixture_and_refuses_names_that_are_none(project):
    make(
        project,
        conftest="""
            import pytest

            @pytest.fixture(scope="session")
            def smsworks_sandbox_options():
                return {"credits": 3, "delivery_delay": 5}
        """,
        test_options="""
            import pytest

            def test_options(smsworks_sandbox):
                assert smsworks_sandbox.credits == 3

            @pytest.mark.smsworks(credits=4)
            def test_marker_wins(smsworks_sandbox):
                assert smsworks_sandbox.credits == 4

            @pytest.mark.smsworks(credit=4)
            def test_typing_error():
                pass

            @pytest.mark.smsworks(100)
            def test_no_name():
                pass

            class TestOwn:
                @pytest.fixture
                def smsworks_sandbox_options(self):
                    return {"balance": 4}

                def test_unknown_option(self, smsworks_sandbox):
                    pass
        """,
    )
    result = run(project)
    result.assert_outcomes(passed=2, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*the marker smsworks: Sandbox has no argument 'credit'; did you mean 'credits'?",
            "*takes only keyword arguments, such as credits=100",
            "*smsworks_sandbox_options: Sandbox has no argument 'balance'; it has host, port, *",
        ]
    )


LIVE = """
    import asyncio, os, pytest
    from smsworks_async import AsyncSMSWorks, ConfigurationError, NotSent, RetryPolicy

    async def send():
        # To the package another machine's address; to Linux its own, where nothing listens.
        once = RetryPolicy(attempts=1)
        async with AsyncSMSWorks("eyJ", base_url="https://0.0.0.0:9", retry=once) as sms:
            await sms.messages.send(sender="Acme", destination="07700 900123", content="x")

    def test_offline():
        with pytest.raises(ConfigurationError, match="SMSWORKS_OFFLINE"):
            asyncio.run(send())

    @pytest.mark.smsworks_live
    def test_live():
        assert os.environ["SMSWORKS_TOKEN"] == "eyJ-real"
        assert "SMSWORKS_OFFLINE" not in os.environ
        with pytest.raises(NotSent):
            asyncio.run(send())

    def test_offline_again():
        test_offline()
"""


@pytest.mark.parametrize(
    ("when", "plugins"), [("test", BARE), ("session", XDIST)], ids=["one process", "xdist"]
)
def test_no_test_connects_to_another_machine_unless_it_is_live(project, when, plugins):
    make(project, test_live=LIVE)
    add_setting(project, f"smsworks_environment = {when}")
    run(project, plugins=plugins).assert_outcomes(passed=3)


def test_setting_lifts_what_the_plugin_forbids_and_nothing_that_a_person_did(project, monkeypatch):
    make(project, test_live=LIVE)
    assert run(project, "-o", "smsworks_offline=false").parseoutcomes() == {
        "failed": 2,
        "passed": 1,
    }
    monkeypatch.setenv("SMSWORKS_OFFLINE", "yes")
    assert run(project).parseoutcomes() == {
        "failed": 1,
        "passed": 2,
    }  # test_live cannot reach the network
    result = run(project, "-o", "smsworks_environment=always")
    assert "smsworks_environment must be test or session, not 'always'" in result.stderr.str()


FAILING = """
    import pytest
    from smsworks_async import SMSWorks

    @pytest.fixture
    def checked(smsworks_sandbox):
        yield
        assert smsworks_sandbox.messages == []

    @pytest.mark.smsworks(faults=[{"path": "/batch/send", "when": "after"}], delivery_delay=9)
    def test_failing(smsworks_sandbox):
        with SMSWorks() as sms:
            sms.messages.send(sender="447700900000", destination="07700 900123", content="Hello")
            report = sms.bulk.send(sender="Acme", content="Hi", destinations=["07700 900124"])
        smsworks_sandbox.deliver_to(lambda environ, start_response: 1 / 0, "/sms/{secret}")
        smsworks_sandbox.reply("07700 900123", "STOP")
        assert smsworks_sandbox.messages == []

    def test_passing(smsworks_sandbox):
        pass

    def test_failing_at_its_end(checked):
        with SMSWorks() as sms:
            sms.messages.send(sender="447700900000", destination="07700 900126", content="Bye")

    def test_failing_in_words_of_the_sandbox(smsworks_sandbox):
        smsworks_sandbox.assert_texted("07700 900127", match="Hello")
"""


@pytest.mark.parametrize("plugins", [BARE, XDIST], ids=["one process", "xdist"])
def test_failure_has_a_section_with_requests_answers_and_webhooks(project, plugins):
    make(project, test_failing=FAILING)
    result = run(project, "-rA", plugins=plugins)
    result.assert_outcomes(failed=2, passed=2, errors=1)
    shown = result.stdout.str()
    assert len(re.findall(r"^-+ SMS Works sandbox -+$", shown, re.MULTILINE)) == 3
    for line in (
        "SENT to …123 'Hello' 1 segment",
        'POST /message/send {"sender": "…000", "content": "Hello", "destination": "…123"}',
        '-> 201 {"messageid": "',
        "-> no response (by a fault: after)",
        'POST http://testserver/sms/… {"content": "STOP", "from": "…123"',
        "-> 500",
        "DELIVERED to …126 'Bye' 1 segment",
        "E       AssertionError: …127 was not texted with a text that matches 'Hello', expected",
    ):
        assert line in shown
    assert "assertions.py" not in shown  # the traceback ends in the test
    assert "447700900123" not in shown
    assert "eyJ" not in shown


def test_failure_shows_whole_numbers_where_that_is_asked_for(project):
    make(project, test_failing=FAILING)
    shown = run(project, "-o", "smsworks_show_numbers=true", "-k", "test_failing").stdout.str()
    assert "SENT to 447700900123 'Hello' 1 segment" in shown


def test_project_that_uses_none_of_it_is_left_alone(project):
    """Check that nothing is imported, no thread starts, and the environment is restored."""
    make(
        project,
        conftest="""
            import atexit, os, sys, threading

            atexit.register(lambda: print("at the end", os.environ.get("SMSWORKS_OFFLINE")))

            def pytest_unconfigure(config):
                ours = sorted(name for name in sys.modules if name.startswith("smsworks_async"))
                foreign = {"aiohttp", "attrs", "cattrs", "tenacity"} & sys.modules.keys()
                print("imported", ours, foreign, threading.active_count())
                print("before", os.environ["SMSWORKS_OFFLINE"])
        """,
        test_nothing="def test_nothing(): pass",
    )
    result = run(project, "-s")
    result.assert_outcomes(passed=1)
    ours = ["", "._lazy", "._version", ".pytest_plugin"]
    result.stdout.fnmatch_lines(["before 1", "at the end None"])
    assert f"imported {[f'smsworks_async{name}' for name in ours]} set() 1" in result.stdout.str()


def test_plugin_keeps_ports_and_tokens_and_gives_up_a_port_that_is_taken(project):
    make(
        project,
        test_ports="""
            import os, socket, pytest
            from smsworks_async.sandbox import Sandbox

            seen = []

            @pytest.mark.parametrize("time", range(2))
            def test_same(smsworks_sandbox, time):
                seen.append((smsworks_sandbox.port, smsworks_sandbox.token))
                assert len(set(seen)) == 1

            def test_nothing_listens_in_between():
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", seen[0][0]))

            @pytest.fixture
            def taken():
                with Sandbox(port=seen[0][0]):
                    yield

            def test_taken(taken, smsworks_sandbox):
                assert smsworks_sandbox.port != seen[0][0]
                assert smsworks_sandbox.base_url == os.environ["SMSWORKS_BASE_URL"]

            @pytest.mark.smsworks(token="JWT eyJown", port=0)
            def test_own(smsworks_sandbox):
                assert smsworks_sandbox.token == os.environ["SMSWORKS_TOKEN"] == "JWT eyJown"
        """,
    )
    run(project).assert_outcomes(passed=5)


def test_variables_of_these_tests_are_not_the_plugins():
    """Check that this suite runs without the plugin: it mocks the network and expects failures."""
    assert "SMSWORKS_OFFLINE" not in os.environ
