"""Classification of replies."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smsworks_async import ValidationError
from smsworks_async._opt_out_words import request_in
from smsworks_async.models.posted import IncomingMessage
from smsworks_async.optouts import DEFAULT_KEYWORDS, Keywords, classify


@pytest.mark.parametrize("word", DEFAULT_KEYWORDS.out)
@pytest.mark.parametrize("shape", ["{}", " {}! ", "'{}'.", "\N{OCTAGONAL SIGN}\ufe0f {}", "{}\n"])
def test_every_word_that_opts_out_does_so_in_any_case_and_punctuation(word, shape):
    for spelled in (word, word.lower(), word.title()):
        assert classify(shape.format(spelled)) == "out"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stop texting me please", "out"),
        ("STOP,please", "out"),
        ("stop  all", "out"),
        ("\uff33\uff34\uff2f\uff30", "out"),  # full width
        ("ST\u200bOP", "out"),  # a zero-width space
        ("stopping by at 8", None),
        ("please stop", None),
        ("Don't stop", None),
        ("cancel my table", None),
        ("the end", None),
        ("start", "in"),
        ("Unstop.", "in"),
        ("start me up", None),
        ("HELP", "help"),
        ("info?", "help"),
        ("yes", None),
        ("", None),
        ("...", None),
    ],
)
def test_what_other_texts_ask_for(text, expected):
    assert classify(text) == expected


def test_the_words_are_settings():
    words = Keywords(out=["STOP", "GENUG!"], begins=(), opt_in=["Los"], help=())
    assert [classify(text, keywords=words) for text in ("genug", "los", "cancel", "stop it")] == [
        "out",
        "in",
        None,
        None,
    ]
    assert classify("help", keywords=words) is None


@pytest.mark.parametrize("words", ["STOP", None, [1], [""], ["  "], ["!"]])
def test_words_that_cannot_be_any_are_refused(words):
    with pytest.raises(ValidationError, match="keywords"):
        Keywords(out=words)


@pytest.mark.parametrize("text", [None, 1, b"STOP", ["STOP"]])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(ValidationError, match="text"):
        classify(text)


@pytest.mark.parametrize(
    ("content", "keyword", "expected"),
    [
        ("ACME STOP", "ACME", ("out", "STOP")),
        ("acme: stop it", "Acme", ("out", "STOP")),
        ("ACME START", "ACME", ("in", "START")),
        ("ACME offers", "ACME", None),
        ("ACMESTOP", "ACME", None),
        ("STOP", "STOP", ("out", "STOP")),  # the keyword itself asks for it
        ("STOP ACME", "STOP", ("out", "STOP")),
        ("STOP HELP", "STOP", ("out", "STOP")),
        ("ACME STOP", None, None),
        ("STOP", "ACME", ("out", "STOP")),
        ("A+ STOP", "A+", ("out", "STOP")),
    ],
)
def test_a_keyword_that_the_record_names_is_taken_off_the_front_first(content, keyword, expected):
    message = IncomingMessage("1", "447700900123", "60777", content, keyword=keyword)
    assert request_in(message, DEFAULT_KEYWORDS) == expected


def test_classifying_imports_no_http():
    code = (
        # A tool that measures coverage has imported some of it itself.
        "import sys; before = set(sys.modules)\n"
        "from smsworks_async import optouts; optouts.classify('STOP')\n"
        "new = set(sys.modules) - before\n"
        "print(new & {'aiohttp', 'yarl', 'tenacity', 'cattrs', 'sqlite3'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
