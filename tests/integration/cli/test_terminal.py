"""Output on terminals of any width and with any encoding."""

from __future__ import annotations

import json
import re
import sys

import pytest
from rich.console import Console

from smsworks_async.cli._output import Output
from smsworks_async.cli._table import lay_out
from smsworks_async.cli._text import fold, printable
from support.terminals import on_terminal, width_of


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
SEND = ("send", "--to", "07700 900123", "--sender", "AcmeCorp")
LONG = "Your order is ready; we are open from nine to five on every day but Sunday. " * 3


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_tables_and_drawings_fit_the_terminal(columns, smsworks):
    smsworks(*SEND, LONG)
    smsworks(*SEND, "Nǐ hǎo 你好 😀")
    for words in (
        ["search"],
        ["check", f"{LONG}😀"],
        ["check", "\u201cQuoted\u201d \u2013 and so on\u2026"],
    ):
        lines = on_terminal(smsworks, *words, columns=columns)
        assert len(lines) > 2
        assert max(map(width_of, lines)) <= columns, lines


@pytest.mark.parametrize("columns", [40, 80])
def test_demo_draws_bars_that_fit_the_terminal(columns, command_line):
    lines = on_terminal(command_line, "demo", columns=columns)
    # A line that is redrawn ends with a carriage return.
    last = [line.rpartition("\r")[2] for line in lines]
    assert any("1200/1200" in line for line in lines)
    assert any("█" in line for line in last) == (columns == 80)
    assert "delivered" in "".join(last)
    assert max(width_of(line) for line in last if "\x1b[" not in line) <= columns


@pytest.mark.parametrize("words", [["--help"], ["send", "--help"], ["sandbox", "--help"]])
def test_help_fits_a_terminal_of_40_columns(words, command_line):
    lines = on_terminal(command_line, *words, columns=40)
    examples = lines.index("Examples:") if "Examples:" in lines else len(lines)
    assert max(map(width_of, lines[:examples])) <= 40


def test_colours_are_for_terminals_without_no_color(smsworks):
    smsworks(*SEND, "Hello")
    coloured = on_terminal(smsworks, "search", columns=80)
    assert "\x1b[" in "".join(coloured)
    plain = on_terminal(smsworks, "search", columns=80, NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*(3|4|9)\d", "".join(plain))
    assert "\x1b" not in smsworks("search").out


def test_debug_shows_a_traceback_before_the_line(smsworks):
    plain = smsworks("get", "1234")
    assert "Traceback" not in plain.err
    debug = smsworks("get", "1234", "--debug")
    assert debug.code == plain.code == 1
    assert "Traceback" in debug.err
    assert debug.err.endswith(plain.err)
    assert "Traceback" not in smsworks("get", "--debug").err


def test_json_is_read_before_and_after_the_command(smsworks):
    for words in (["--json", "balance"], ["balance", "--json"]):
        assert smsworks(*words).record == {"credits": 10000.0}
    error = json.loads(smsworks("--json", "get").err)
    assert (error["error"], error["exit_code"]) == ("MissingParameter", 2)
    assert json.loads(smsworks("get", "--json", "--nothing").err)["exit_code"] == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_output_of_any_encoding_shows_what_it_can(encoding, smsworks):
    smsworks(*SEND, "Price: 5 € for Zoë 😀")
    variables = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = smsworks.run("search", variables=variables, encoding=encoding)
    assert done.code == 0, done.err
    assert "Price" in done.out
    record = smsworks.run("search", "--json", variables=variables, encoding=encoding).record
    assert record["content"] == "Price: 5 € for Zoë 😀"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\rb", "a\\rb"),
        ("\u202etxet", "\\u202etxet"),
        ("half \ud83d", "half \\ud83d"),
        ("\x9b1m", "\\x9b1m"),
        ("Zoë 你好 😀", "Zoë 你好 😀"),
    ],
)
def test_printable_escapes_what_moves_the_cursor(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("onetwothree", ["onetwot", "hree"]),
        ("你好你好", ["你好你", "好"]),
    ],
)
def test_fold_breaks_a_line_at_blanks(line, parts):
    assert fold(line, 7) == parts
    assert fold(line, None) == [line]


HEADINGS = ["Time", "Status", "Text"]
ROWS = [["09:00", "DELIVERED", "Your order is ready"], ["10:00", "SENT", "No"]]


def shown(width, **options):
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(lay_out(HEADINGS, ROWS, set(), width, last_wraps=True, **options))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_table_puts_the_last_column_beside_below_or_on_a_line_of_its_own():
    assert len(shown(60)) == 4
    assert shown(20) == [
        "Time   Status",
        "    Text",
        "09:00  DELIVERED",
        "    Your order is",
        "    ready",
        "10:00  SENT",
        "    No",
    ]
    assert shown(14)[:3] == ["Time    09:00", "Status  DELIVE", "        RED"]


@pytest.mark.parametrize("words", [["doctor"], ["get", "1234"], ["balanc"]])
def test_sentences_are_broken_between_words_on_a_terminal(words, smsworks):
    code = 0 if words == ["doctor"] else 1 if words[0] == "get" else 2
    lines = on_terminal(smsworks, *words, columns=40, code=code)
    assert max(map(width_of, lines)) <= 40
    whole = smsworks(*words)
    told = re.sub(r"\s+", " ", " ".join(lines)).strip()
    if words != ["doctor"]:  # which shows a time
        assert told == whole.err.strip()


def test_output_fields_leave_out_what_is_not_known(capsys):
    Output().fields([("One", 1), ("None", None), ("Two", "a\nb")])
    assert capsys.readouterr().out == "One  1\nTwo  a\n     b\n"
