"""The demo and the command line as a user sees them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from support.waiting import PATIENCE


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "smsworks_async", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        **options,
    )


def figures(output):
    rows = re.findall(r"^ *(\S.*?)  +([\d.]+)(?:  .*)?$", output, re.MULTILINE)
    return dict(rows)


def test_the_demo_accounts_for_every_line_of_its_file(tmp_path):
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = figures(done.stdout)
    assert told["read from the file"] == "1200"
    assert told["sent"] == "1000"
    assert "in 2 requests" in done.stdout
    assert told["repeats, set aside"] == "150"
    assert told["invalid, set aside"] == "50"
    assert int(told["delivered"]) + int(told["not delivered"]) == 1001
    assert int(told["not delivered"]) > 0
    assert float(told["credits"]) > 900
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_elsewhere_the_demo_asks_before_it_spends(hosted, smsworks, tmp_path):
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("07700 900001\n07700 900002\nnobody\n")
    command = ["demo", "--base-url", hosted.box.base_url, "--recipients", str(numbers)]
    for answer in ("", "n\n", "what?\n"):
        refused = smsworks(*command, stdin=answer)
        assert refused.code == 3
        assert "Nothing was sent" in refused.out
    assert hosted.box.requests == []
    agreed = smsworks(*command, stdin="y\n")
    assert agreed.code == 0, agreed.err
    assert figures(agreed.out)["sent"] == "2"
    assert smsworks(*command, "--yes").code == 0
    assert hosted.box.accepted("447700900002") == 2


def test_what_cannot_work_is_told_in_a_line_without_a_traceback(hosted, command_line, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    nobody = tmp_path / "nobody.txt"
    nobody.write_text("nobody\n")
    for name in ("missing.txt", "empty.txt", "nobody.txt"):
        done = command_line("demo", "--recipients", str(tmp_path / name))
        assert done.code == 2
        assert done.error
    command_line.set(TOKEN="eyJold")
    for base_url in ("nowhere", hosted.box.base_url):
        done = command_line("demo", "--yes", "--base-url", base_url)
        assert done.code != 0
        assert done.error


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_command_serves_until_it_is_ended(tmp_path, ending):
    server = subprocess.Popen(
        # Ignores Ctrl-C, like a shell's background jobs.
        ["sh", "-c", f"trap '' INT; exec '{sys.executable}' -m smsworks_async sandbox --port 0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        lines = [server.stdout.readline() for _ in range(6)]
        base_url = re.search(r"SMSWORKS_BASE_URL=(\S+)", "".join(lines))[1]
        token = re.search(r"SMSWORKS_TOKEN='(.*)'", "".join(lines))[1]
        request = urllib.request.Request(
            f"{base_url}/credits/balance", headers={"Authorization": token}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert b"credits" in answer.read()
        server.send_signal(ending)
        output, errors = server.communicate(timeout=PATIENCE)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == 0
    assert "The sandbox has stopped." in output
    assert errors == ""
