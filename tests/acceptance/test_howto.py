"""The programs of the how-to guides that include tests."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import groupby

import pytest

from support.doc_examples import ROOT, examples
from support.waiting import PATIENCE


GUIDES = {path.name for path in (ROOT / "docs/howto").glob("*.md")}
PROGRAMS = {
    page: list(files)
    for page, files in groupby(
        (example for example in examples() if example.file and example.page in GUIDES),
        key=lambda example: example.page,
    )
}
#: Those without are run by `test_howto_processes`.
TESTED = [
    page for page, files in PROGRAMS.items() if any(one.file.startswith("test_") for one in files)
]


def test_there_are_guides_with_programs():
    assert {"aiohttp.md", "django.md", "fastapi.md", "flask.md", "pytest.md"} <= {*TESTED}


@pytest.mark.parametrize("page", TESTED)
def test_the_program_of_a_guide_passes_its_tests(page, tmp_path):
    for example in PROGRAMS[page]:
        (tmp_path / example.file).write_text(example.code, "utf-8")
    (tmp_path / "pytest.ini").touch()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
