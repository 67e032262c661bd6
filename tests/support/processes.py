"""Starting of worker scripts, with their import paths."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import smsworks_async


WORKERS = Path(__file__).parent / "workers"
#: `support` is imported from here, and the package from wherever this process has it.
_IMPORTED_FROM = (Path(__file__).parents[1], Path(smsworks_async.__file__).parents[1])


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which a script finds `support` and the package."""
    paths = [*map(str, _IMPORTED_FROM), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def unmeasured(**more: str) -> dict[str, str]:
    """Return an environment in which coverage, which imports much, does not measure a script."""
    found = environment(**more)
    return {name: found[name] for name in found if not name.startswith("COVERAGE_")}


def worker_command(name: str) -> list[str]:
    return [sys.executable, str(WORKERS / f"{name}.py")]


async def start_worker(
    name: str, order: dict[str, Any], **pipes: int
) -> asyncio.subprocess.Process:
    """Start a worker, and write its order to it as JSON.

    Args:
        name: the script's name in `support/workers`.
        order: the task of the script.
        pipes: `stdout` and `stderr`, as `subprocess` takes them.
    """
    process = await asyncio.create_subprocess_exec(
        *worker_command(name), stdin=asyncio.subprocess.PIPE, env=environment(), **pipes
    )
    process.stdin.write(json.dumps(order).encode())
    process.stdin.close()
    return process
