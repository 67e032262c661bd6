"""Threads, tasks and processes make the same calls with idempotency keys at once: one text each."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict

from smsworks_async.sandbox import Sandbox
from support.journals import bytes_of
from support.keyed_crowd import KEY, SENDER, TEXT, Crowd
from support.processes import environment, worker_command
from support.sandboxes import HostedSandbox, client
from support.traces import found


KEYS = 1000
#: What all numbers have in common, and one of them.
NUMBERS = ["447700900", "07700900", "447700900123"]
THREADS, TASKS, PROCESSES = 200, 50, 4


async def start(box: Sandbox, path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *worker_command("keyed_crowd"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    order = {
        "path": str(path),
        "token": box.token,
        "base_url": box.base_url,
        "count": KEYS,
        "tasks": TASKS,
    }
    process.stdin.write(json.dumps(order).encode() + b"\n")
    return process


async def test_a_thousand_keys_at_once_are_a_thousand_texts_and_none_is_in_the_file(
    tmp_path, hosted: HostedSandbox, record_property
):
    path = tmp_path / "journal.db"
    box = hosted.box
    processes = [await start(box, path) for _ in range(PROCESSES)]
    in_tasks, in_threads = Crowd(KEYS), Crowd(KEYS)
    barrier = threading.Barrier(THREADS + 1)
    clients = [hosted.client(journal=path) for _ in range(4)]
    threads = asyncio.create_task(
        asyncio.to_thread(in_threads.call_in_threads, clients, THREADS, barrier)
    )
    async with client(box, journal=path) as sms:
        await asyncio.to_thread(barrier.wait)
        for process in processes:
            process.stdin.write(b"now\n")
            process.stdin.close()
        await in_tasks.call_in_tasks(sms, TASKS)
        await threads
        answers = [*in_tasks.answers, *in_threads.answers]
        for process in processes:
            answers += json.loads(await process.stdout.read())
            assert await process.wait() == 0
        # The log is beside the file as long as it is open.
        assert path.with_name("journal.db-wal").stat().st_size
        content = bytes_of(path)
    for one in clients:
        await asyncio.to_thread(one.close)
    assert len(answers) == KEYS * (2 + PROCESSES)

    counts = hosted.do(lambda box: box.accepted_by_destination())
    assert counts == {f"447700900{number:03d}": 1 for number in range(KEYS)}
    ids = {m.destination: m.message_id for m in hosted.do(lambda box: box.messages)}
    verdicts = defaultdict(list)
    for number, message_id, is_replayed in answers:
        verdicts[number].append((message_id, is_replayed))
    for number, given in verdicts.items():
        assert {message_id for message_id, _ in given} == {ids[f"447700900{number:03d}"]}, given
        # One of them has sent it.
        assert sorted(replayed for _, replayed in given) == [False] + [True] * (len(given) - 1)

    assert found(content, numbers=NUMBERS, words=[TEXT, TEXT[-16:], KEY]) == []
    assert SENDER.encode() not in content
    record_property("figures", f"{len(answers)} calls, {len(content)} bytes")
