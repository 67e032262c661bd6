"""Development tasks of the project, one nox session for each."""

from __future__ import annotations

from pathlib import Path

import nox


nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "typing"]

#: One process for each processor, since tests are independent of each other.
PARALLEL = ("-n", "auto")
#: Tests that run without coverage, with which they would take two or three times as long: long
#: searches of the package's own rules, the browser, and programs of the documentation.
UNCOVERED = (
    "tests/acceptance/page",
    "tests/integration/journals/test_agreement.py",
    *(
        f"tests/acceptance/test_{name}.py"
        for name in (
            *("campaign_machine", "campaign_machine_mutants", "exploration", "key_exploration"),
            *(
                "examples",
                "howto",
                "howto_processes",
                "tutorial",
                "spreadsheet_page",
                "webhook_examples",
            ),
        )
    ),
)
#: Tests that do not depend on versions of the core dependencies: in addition to those above, the
#: command, killed processes, damaged files, third-party tools, and the sandbox.
OWN = (
    *UNCOVERED,
    "tests/unit/cli",
    "tests/unit/files",
    "tests/unit/test_completion.py",
    "tests/integration/cli",
    "tests/integration/journals",
    "tests/integration/sandbox",
    *(
        f"tests/acceptance/test_{name}.py"
        for name in (
            *("a_million", "changed_records", "control_examples", "demo", "docstrings"),
            *("documentation", "kills"),
            *("fault_matrix_of_controls", "keyed_clocks", "keyed_faults", "keyed_processes"),
            *("keyed_journals", "keys_in_a_queue", "restored_journals", "shared_journals"),
            *("reports_under_load", "stops_while_sending", "vanished_files", "greenlets"),
            *("greenlet_workers", "uwsgi", "webhook_servers", "nothing_lost"),
            *("postgres_workers", "postgres_weather", "postgres_mishaps", "stops_over_postgres"),
            *("queues_in_trouble", "queues_with_redis", "queue_recipes", "postgres_failover"),
        )
    ),
)
PROJECT = nox.project.load_toml("pyproject.toml")


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


def _ignoring(paths: tuple[str, ...]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def _run_tests(session: nox.Session) -> None:
    session.run("coverage", "erase")
    if session.posargs:
        session.run("coverage", "run", "-m", "pytest", *PARALLEL, *session.posargs)
        session.run("coverage", "combine", "--quiet")
        return
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, *_ignoring(UNCOVERED))
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    session.run("pytest", *PARALLEL, *UNCOVERED)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, with branch coverage except for the long searches."""
    session.install(".", *_group("tests"))
    _run_tests(session)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the long versions of the acceptance tests: repeated kills, long searches, a million
    recipients."""
    session.install(".", *_group("tests"))
    session.run(
        "pytest",
        *(session.posargs or ["tests/acceptance"]),
        env={"SMSWORKS_TEST_RUNS": "10", "SMSWORKS_TEST_SLOW": "1"},
    )


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests that dependencies can affect, with the oldest supported dependencies."""
    oldest = [line.replace(">=", "==") for line in PROJECT["project"]["dependencies"]]
    session.install(".", *oldest, *_group("tests"))
    session.run("pytest", *PARALLEL, *_ignoring(OWN), *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and spelling."""
    session.install(*_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright, including the examples of the documentation."""
    session.install(".", "nox", *_group("typing"))
    session.run("mypy")
    session.run("pyright")
    examples = Path(session.create_tmp()) / "examples"
    session.run("python", "tests/support/doc_examples.py", str(examples))
    session.run("mypy", "--config-file", str(examples / "mypy.ini"), str(examples))
    session.run("pyright", "--project", str(examples))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in docs/_build; warnings and broken links are errors."""
    session.install(".[celery,international,postgres,taskiq]", *_group("docs"))
    doctrees = session.create_tmp()
    strict = ("-W", "--keep-going", "-q")
    session.run("sphinx-build", *strict, "-d", doctrees, *session.posargs, "docs", "docs/_build")


@nox.session
def demo(session: nox.Session) -> None:
    """Send texts in a sandbox: a file of recipients, and a table of the outcomes."""
    session.install(".[cli]")
    session.run("smsworks", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the performance with bare aiohttp and other SDKs: a table, a JSON file, plots,
    profiles."""
    session.install(".", *_group("bench"))
    session.run("python", "benchmarks/run.py", "--plots", "docs/benchmarks", *session.posargs)
    if "--only" not in session.posargs:
        session.run("python", "benchmarks/webhooks.py")
        session.run("python", "benchmarks/profiles.py")
        session.run("python", "benchmarks/threads.py", *session.posargs)
