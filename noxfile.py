"""What a person wants to do with this project, one session each."""

from __future__ import annotations

import nox


nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "typing"]

#: A process for each processor: no test depends on another.
PARALLEL = ("-n", "auto")
#: They search the package's own rules, which no dependency changes.
SEARCHES = tuple(
    f"--ignore=tests/acceptance/test_{name}.py"
    for name in ("exploration", "campaign_machine", "campaign_machine_mutants")
)
PROJECT = nox.project.load_toml("pyproject.toml")


def _group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


def _run_tests(session: nox.Session) -> None:
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, with branch coverage."""
    session.install(".", *_group("tests"))
    _run_tests(session)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the acceptance tests in their long versions: repeated kills, long searches, a million."""
    session.install(".", *_group("tests"))
    session.run(
        "pytest",
        *(session.posargs or ["tests/acceptance"]),
        env={"SMSWORKS_TEST_RUNS": "10", "SMSWORKS_TEST_SLOW": "1"},
    )


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests, but for long searches, with the oldest dependencies that we promise."""
    oldest = [line.replace(">=", "==") for line in PROJECT["project"]["dependencies"]]
    session.install(".", *oldest, *_group("tests"))
    session.run("pytest", *PARALLEL, *SEARCHES, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install(*_group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types with mypy and pyright."""
    session.install(".", "nox", *_group("typing"))
    session.run("mypy")
    session.run("pyright")


@nox.session
def demo(session: nox.Session) -> None:
    """Send texts to nobody: the sandbox, a recipients file and a table of what became of them."""
    session.install(".")
    session.run("python", "-m", "smsworks_async", "demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside bare aiohttp and the peers: a table, a JSON file, plots and profiles."""
    session.install(".", *_group("bench"))
    session.run("python", "benchmarks/run.py", "--plots", "docs/benchmarks", *session.posargs)
    if "--only" not in session.posargs:
        session.run("python", "benchmarks/webhooks.py")
        session.run("python", "benchmarks/profiles.py")
        session.run("python", "benchmarks/threads.py", *session.posargs)
