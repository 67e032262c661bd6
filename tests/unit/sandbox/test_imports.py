import ast
from pathlib import Path

import pytest

from smsworks_async.sandbox import dates


@pytest.mark.parametrize(
    "file", sorted(Path(dates.__file__).parent.glob("*.py")), ids=lambda f: f.stem
)
def test_sandbox_shares_no_code_with_the_client(file):
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            shared = node.level != 1 and node.module.startswith("smsworks_async")
            assert not shared or node.module == "smsworks_async._version"
        elif isinstance(node, ast.Import):
            assert not any(name.name.startswith("smsworks_async") for name in node.names)
