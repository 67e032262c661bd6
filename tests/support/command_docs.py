"""The contents of `docs/command.md`: the lines to paste and the JSON shapes of each command."""

from __future__ import annotations

import json
import re
from pathlib import Path


PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text("utf-8")


def shapes() -> dict[str, dict]:
    """Return the documented JSON of each command, by its words."""
    found = {}
    for info, body in re.findall(r"^```json (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        # Several commands may share a shape: `get wait search`, but `otp send` is one command.
        names = [info] if info.split()[0] in GROUPS else info.split()
        found |= dict.fromkeys(names, json.loads(body))
    return found


GROUPS = {"otp", "campaign", "optouts", "journal"}


def lines() -> list[str]:
    """Return the lines to paste."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if "smsworks " in line]
