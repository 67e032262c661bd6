"""Every Python example in the README and the docs runs unchanged, against a sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from support.doc_examples import PAGES, examples
from support.waiting import PATIENCE


EXAMPLES = [
    pytest.param(example.code, id=f"{example.page}-{example.number}")
    for example in examples()
    if not example.file
]


def test_there_are_examples():
    assert len(EXAMPLES) >= 50


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
        for number in re.findall(r"(?:\+44|0044|0)[\d ()]{9,}", page.read_text("utf-8")):
            digits = re.sub(r"\D", "", number)
            assert "7700900" in digits, f"{page.name}: {number}"
