"""The demo and the command line, as a person meets them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from smsworks_async.cli import main
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
    assert told["there before, set aside"] == "150"
    assert told["invalid, set aside"] == "50"
    assert int(told["delivered"]) + int(told["not delivered"]) == 1001
    assert int(told["not delivered"]) > 0
    assert float(told["credits"]) > 900


def test_elsewhere_the_demo_asks_before_it_spends(hosted, tmp_path):
    place = ["--base-url", hosted.box.base_url, "--token", hosted.box.token]
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("07700 900001\n07700 900002\nnobody\n")
    command = ["demo", *place, "--recipients", str(numbers)]
    for answer in ("", "n\n", "what?\n"):
        refused = run(*command, input=answer)
        assert refused.returncode == 1
        assert "Nothing was sent" in refused.stdout
    assert hosted.box.requests == []
    agreed = run(*command, input="y\n")
    assert agreed.returncode == 0, agreed.stderr
    assert figures(agreed.stdout)["sent"] == "2"
    assert run(*command, "--yes").returncode == 0
    assert hosted.box.accepted("447700900002") == 2


def test_what_cannot_work_is_told_in_a_line_without_a_traceback(hosted, tmp_path, capsys):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    nobody = tmp_path / "nobody.txt"
    nobody.write_text("nobody\n")
    assert main(["demo", "--recipients", str(tmp_path / "missing.txt")]) == 1
    assert main(["demo", "--recipients", str(empty)]) == 1
    assert main(["demo", "--recipients", str(nobody)]) == 1
    assert main(["demo", "--yes", "--base-url", "nowhere", "--token", "eyJ"]) == 1
    assert main(["demo", "--yes", "--base-url", hosted.box.base_url, "--token", "eyJold"]) == 1
    told = capsys.readouterr().err
    assert told.count("smsworks: ") == 5
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["demo", "--nothing"]])
def test_a_command_that_does_not_exist_shows_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: smsworks" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_command_serves_until_it_is_ended(tmp_path, ending):
    server = subprocess.Popen(
        # As a shell starts what runs in the background: ignoring Ctrl-C.
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
    assert "ended" in output
    assert errors == ""
