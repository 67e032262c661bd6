"""Render the diagrams: `python docs/diagrams/render.py`, with Graphviz's `dot` installed.

Each .dot file has an .svg file, which contains a digest of the .dot file. A test fails if the .dot
file was changed without rendering it again.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path


FOLDER = Path(__file__).parent
MARK = "drawn from "


def digest(source: Path) -> str:
    """Return the digest of a diagram's text."""
    return hashlib.sha256(source.read_bytes()).hexdigest()


def render(source: Path) -> None:
    """Render one diagram into the folder of its .dot file."""
    done = subprocess.run(
        ["dot", "-Tsvg", "-Gbgcolor=transparent", source],  # noqa: S607 - wherever it is installed
        capture_output=True,
        text=True,
        check=True,
    )
    # The comments contain the version of Graphviz, with which each picture would change.
    drawn = re.sub(r"<!--.*?-->\n?", "", done.stdout, flags=re.DOTALL)
    mark = f"<!-- {MARK}{digest(source)} -->\n"
    source.with_suffix(".svg").write_text(drawn.replace("<svg", f"{mark}<svg", 1), "utf-8")


if __name__ == "__main__":
    for diagram in sorted(FOLDER.glob("*.dot")):
        render(diagram)
