"""What `docs/command.md` says of each command: its lines to paste, and its JSON shapes."""

from __future__ import annotations

import json
import re
from pathlib import Path


PAGE = (Path(__file__).parents[2] / "docs" / "command.md").read_text("utf-8")


def shapes() -> dict[str, dict]:
    """Return the documented JSON of each command, by its words."""
    found = {}
    for info, body in re.findall(r"^```json (.*?)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        # One shape may be that of several commands: `get wait search`, but `otp send`.
        names = [info] if info.split()[0] in GROUPS else info.split()
        found |= dict.fromkeys(names, json.loads(body))
    return found


GROUPS = {"otp", "campaign", "optouts", "journal"}


def lines() -> list[str]:
    """Return the lines to paste."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if "smsworks " in line]
