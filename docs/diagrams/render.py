"""Draw the diagrams anew: `python docs/diagrams/render.py`, with Graphviz's `dot` installed.

Each .dot file here has an .svg file beside it, which holds a digest of the text that it was drawn
from: a test fails where the text was changed and the picture was not.
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
    """Draw one diagram beside its text."""
    done = subprocess.run(
        ["dot", "-Tsvg", "-Gbgcolor=transparent", source],  # noqa: S607 - wherever it is installed
        capture_output=True,
        text=True,
        check=True,
    )
    # The comments name the version of Graphviz, which would make each picture differ.
    drawn = re.sub(r"<!--.*?-->\n?", "", done.stdout, flags=re.DOTALL)
    mark = f"<!-- {MARK}{digest(source)} -->\n"
    source.with_suffix(".svg").write_text(drawn.replace("<svg", f"{mark}<svg", 1), "utf-8")


if __name__ == "__main__":
    for diagram in sorted(FOLDER.glob("*.dot")):
        render(diagram)
