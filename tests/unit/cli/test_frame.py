"""The frame of the command: lazy imports, and the handling of errors."""

from __future__ import annotations

import ast
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import smsworks_async.cli
from smsworks_async.cli import main
from smsworks_async.cli._commands import COMMANDS, GROUPS
from smsworks_async.cli._run import root
from support.processes import unmeasured


PACKAGE = Path(smsworks_async.cli.__file__).parent
#: Packages that are imported only by commands that need them, while they run.
SLOW = {
    "asyncio",
    "sqlite3",
    "ssl",
    "aiohttp",
    "attrs",
    "cattrs",
    "rich",
    "platformdirs",
    "python_calamine",
    "asyncpg",
}


def commands():
    """Return the words of every existing command."""
    group = root()
    context = group.make_context("smsworks", [], resilient_parsing=True)
    found = []
    for name in group.list_commands(context):
        if name in GROUPS:
            found += [
                (name, other) for other in group.get_command(context, name).list_commands(context)
            ]
        else:
            found.append((name,))
    return found


ALL = commands()
every_command = pytest.mark.parametrize("words", ALL, ids=" ".join)


def loaded(code, **variables):
    """Return the names of the packages that a piece of Python code imports."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=unmeasured(**variables),
    )
    return {name.partition(".")[0] for name in done.stderr.split()}, done.stdout


@pytest.mark.parametrize("words", [[], *ALL], ids=" ".join)
def test_help_of_a_command_loads_only_click_and_shows_how_to_use_it(words):
    code = f"from smsworks_async.cli import main; assert main({[*words, '--help']}) == 0"
    names, out = loaded(code)
    assert "click" in names
    assert not names & SLOW
    assert out.startswith(f"Usage: {' '.join(['smsworks', *words])} ")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("word", ["", "bal", "--js"])
def test_completion_of_a_word_loads_only_click(word):
    names, out = loaded(
        "from smsworks_async.cli import main; assert main() == 0",
        _SMSWORKS_COMPLETE="bash_complete",
        COMP_WORDS=f"smsworks {word}",
        COMP_CWORD="1",
    )
    assert out
    assert not names & SLOW


@every_command
def test_command_has_examples_and_the_shared_options(words, capsys):
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Examples:\n  smsworks {' '.join(words)}" in shown
    assert "--json" in shown
    assert "--debug" in shown


def modules(code, **variables):
    """Return the names of the modules that a piece of Python code imports, and its output."""
    listing = "import sys, json; print(json.dumps([*sys.modules]), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{listing}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=unmeasured(**variables),
    )
    return set(json.loads(done.stderr)), done.stdout


def ours_and_foreign(code, beside, **variables):
    """Return the modules that the command imports in addition to `beside`, and its output."""
    names, out = modules(code, **variables)
    more = names - modules(beside)[0]
    ours = {name for name in more if name.startswith("smsworks_async")}
    return ours, more - ours, out


def test_help_loads_few_modules_beside_those_of_click():
    code = "from smsworks_async.cli import main; main(['--help'])"
    ours, foreign, _ = ours_and_foreign(code, "import click")
    assert len(ours) <= 15
    # This includes modules that click itself imports to write a help text.
    assert foreign <= {
        *("_bz2", "_compression", "_locale", "_lzma", "bz2", "lzma", "zlib"),
        *("click._textwrap", "fnmatch", "locale", "shutil", "textwrap", "json"),
        *("json.decoder", "json.encoder", "json.scanner", "_json"),
    }


COMPLETE = "from smsworks_async.cli import main; assert main() == 0"
#: What click itself loads to complete a word.
CLICK = "import click, click.shell_completion, locale, shlex"


@pytest.mark.parametrize("words", ["campaign pause ", "campaign status --", "send --", "ca"])
def test_completion_loads_few_modules_beside_those_of_click(words, tmp_path):
    journal = tmp_path / "journal.db"
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute("CREATE TABLE campaign (key INTEGER PRIMARY KEY, id TEXT)")
        connection.execute("INSERT INTO campaign (id) VALUES ('may')")
    is_name = words.endswith("pause ")
    ours, foreign, out = ours_and_foreign(
        COMPLETE,
        f"{CLICK}, sqlite3" if is_name else CLICK,
        _SMSWORKS_COMPLETE="bash_complete",
        COMP_WORDS=f"smsworks {words}",
        COMP_CWORD=str(1 + words.count(" ")),
        SMSWORKS_JOURNAL=str(journal),
    )
    is_name = words.endswith("pause ")
    assert (out == "plain,may\n") == is_name
    assert len(ours) <= 16
    assert not foreign


def test_completion_of_a_campaign_loads_platformdirs_where_no_journal_is_named(tmp_path):
    ours, foreign, _ = ours_and_foreign(
        COMPLETE,
        f"{CLICK}, sqlite3, platformdirs; platformdirs.user_data_path()",
        _SMSWORKS_COMPLETE="bash_complete",
        COMP_WORDS="smsworks campaign pause ",
        COMP_CWORD="3",
        HOME=str(tmp_path),
    )
    assert len(ours) <= 17
    assert not foreign


def test_every_module_of_a_command_is_in_the_table():
    table = {name for names in COMMANDS.values() for name in names} | {
        f"{group}_{name}" for group, names in GROUPS.items() for name in names
    }
    modules = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    assert modules <= table


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_module_of_a_command_is_itself_quick_to_import(path):
    if path.stem not in {"__init__", *(path.stem for path in PACKAGE.glob("[!_]*.py"))}:
        return
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").partition(".")[0]}
        else:
            continue
        assert not names & SLOW


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_command_names_the_extra_where_it_is_missing(missing, tmp_path):
    (tmp_path / f"{missing}.py").write_text(
        f"raise ModuleNotFoundError('No module', name={missing!r})"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    if missing == "rich":
        code += "sys.stdout.isatty = lambda: True\n"
    code += (
        "from smsworks_async.cli import main\nfrom smsworks_async.cli import _app, _command\n"
        if missing == "rich"
        else "from smsworks_async.cli import main\n"
    )
    call = "main(['balance'])"
    if missing == "rich":
        code += "import smsworks_async.cli.balance as b\n"
        code += "b.command.callback = lambda *a, **k: __import__('rich')\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}raise SystemExit({call})"],
        capture_output=True,
        text=True,
        timeout=60,
        env=unmeasured(),
    )
    assert done.returncode == 2, done.stderr
    assert "the extra `cli`" in done.stderr
    assert "python -m pip install click rich platformdirs python-calamine" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nothing"], "there is no command `smsworks nothing` (see `smsworks --help`)"),
        (["balanc"], "did you mean `smsworks balance`?"),
        (["status"], "did you mean `smsworks campaign status`?"),
        (["list"], "`smsworks campaign list` or `smsworks optouts list`?"),
        (["balance", "--nothing"], "No such option"),
        (["balance", "more"], "(see `smsworks balance --help`)"),
    ],
)
def test_usage_error_is_one_line_that_says_where_help_is(words, told, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smsworks: ")
    assert err.count("\n") == 1
    assert told.lower() in err.lower()


def test_command_without_words_shows_its_help_and_is_a_usage_error(capsys):
    assert main([]) == 2
    assert "Usage: smsworks" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--token", "eyJx"], ["--token=eyJx"], ["--secret", "eyJx"]])
def test_secret_on_the_command_line_is_refused_and_not_repeated(words, capsys):
    assert main(["balance", *words]) == 2
    err = capsys.readouterr().err
    assert "process list" in err
    assert "eyJx" not in err
