"""The Python examples of the README and the documentation.

An example that names a file (```` ```python shop.py ````) belongs to a program of several files,
and is run by the test of that program; every other example is a complete program.

As a script it writes all of them into a folder for type checkers: ``doc_examples.py FOLDER``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```python *(?P<file>\S*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
#: Strict, but for libraries without types, or without some: Celery, Django and Dramatiq.
_MYPY = """[mypy]
strict = True
disable_error_code = import-untyped
disallow_subclassing_any = False
disallow_untyped_decorators = False
untyped_calls_exclude = dramatiq

[mypy-smsworks_async.*]
follow_imports = silent
"""
_PYRIGHT = '{"typeCheckingMode": "standard", "useLibraryCodeForTypes": false}\n'


class Example(NamedTuple):
    """An example of a page.

    Attributes:
        page: the page's name, such as ``"bulk.md"``.
        number: counted from 0 in its page.
        file: the name of the example's file, or an empty string.
        code: the example.
    """

    page: str
    number: int
    file: str
    code: str

    @property
    def module(self) -> str:
        """The name of the file that type checkers read."""
        return self.file or f"{self.page.replace('-', '_').removesuffix('.md')}_{self.number}.py"


def examples() -> Iterator[Example]:
    """Yield the examples of all pages."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for number, found in enumerate(_BLOCK.finditer(text)):
            yield Example(page.name, number, found["file"], found["code"])


def write(folder: Path) -> int:
    """Write all examples into a folder, with the settings of type checkers; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, str] = {}
    for example in examples():
        if written.setdefault(example.module, example.code) != example.code:
            raise ValueError(f"{example.page}: another example is called {example.module}")
        (folder / example.module).write_text(example.code, "utf-8")
    (folder / "mypy.ini").write_text(_MYPY, "utf-8")
    (folder / "pyrightconfig.json").write_text(_PYRIGHT, "utf-8")
    return len(written)


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1]))} examples\n")
