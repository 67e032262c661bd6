"""``smsworks check``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from smsworks_async.cli._command import command as _command


if TYPE_CHECKING:
    from smsworks_async.cli._app import App


@_command(
    "check",
    account=False,
    examples="""
smsworks check "Your table is free at 8."
smsworks check - < message.txt
smsworks check --json "We open at nine"
""",
)
@click.argument("text")
def command(app: App, text: str) -> None:
    """Measure TEXT as it would be sent; - reads it from standard input.

    The output has the encoding, the segments with their text, the credits, the characters that
    force Unicode, and their replacements by --gsm of `smsworks send`. Nothing is sent, and no
    account is needed.
    """
    from smsworks_async.cli._drawing import draw
    from smsworks_async.cli._records import plural
    from smsworks_async.text import measure, split, to_gsm

    content = sys.stdin.read().removesuffix("\n") if text == "-" else text
    measured, plain = measure(content), to_gsm(content)
    after = measure(plain)
    app.out.record(
        {
            "encoding": measured.encoding,
            "units": measured.units,
            "segments": measured.segments,
            "credits": measured.credits,
            "parts": split(content),
            "offenders": [
                {"character": one.character, "position": one.position} for one in measured.offenders
            ],
            "gsm": {
                "content": plain,
                "encoding": after.encoding,
                "segments": after.segments,
                "credits": after.credits,
            },
        }
    )
    if not app.json:
        draw(app.out, content)
        if plain != content:
            app.out.line()
            app.out.line(
                f"With --gsm: {after.encoding}, {plural(after.segments, 'segment')}, "
                f"{plural(after.credits, 'credit')}:"
            )
            app.out.line(plain)
