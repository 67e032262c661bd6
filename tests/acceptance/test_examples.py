"""Every Python example in the README and the docs runs as it is written, against a sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import PATIENCE


ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(match[1], id=f"{page.name}-{number}")
    for page in PAGES
    for number, match in enumerate(re.finditer(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]


def test_there_are_examples():
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs_as_it_is_written(hosted, tmp_path, example):
    environment = {
        **os.environ,
        "SMSWORKS_TOKEN": hosted.box.token,
        "SMSWORKS_BASE_URL": hosted.box.base_url,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr


def test_only_numbers_reserved_for_drama_stand_in_the_pages():
    for page in PAGES:
        for number in re.findall(r"(?:\+44|0044|0)[\d ()]{9,}", page.read_text()):
            digits = re.sub(r"\D", "", number)
            assert "7700900" in digits, f"{page.name}: {number}"
