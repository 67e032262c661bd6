"""A worker of the Celery recipe in docs/idempotency.md, in a folder, with short waits.

Celery imports it: ``celery -A support.workers.confirmations worker``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import signals
from kombu.transport import TRANSPORT_ALIASES

from support.recipes import load


#: Seconds that a call may take, so that leases and the waits for them are short.
TIMEOUT = 1.5
RETRIES = 3


def configure(app: Any, folder: Path) -> None:
    """Configure an application for a broker and results in a folder, with short retries."""
    TRANSPORT_ALIASES["folder"] = "support.file_broker:Transport"
    app.conf.update(
        broker_url="folder://",
        broker_transport_options={"folder": str(folder / "queue"), "polling_interval": 0.02},
        broker_connection_retry_on_startup=True,
        result_backend=f"file://{folder / 'results'}",
        worker_enable_remote_control=False,
        worker_lost_wait=0.1,
        worker_prefetch_multiplier=1,
        task_annotations={"*": {"default_retry_delay": 0.25, "max_retries": RETRIES}},
    )


@signals.task_prerun.connect
def _note_process(task_id: str, **_: Any) -> None:
    """Note which of the worker's processes works on which order, so that it can be killed."""
    Path("processes", task_id).write_text(str(os.getpid()))


if "SMSWORKS_TOKEN" in os.environ:
    app = load("celery", TIMEOUT)["app"]
    configure(app, Path.cwd())
