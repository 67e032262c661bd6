"""Storing and choosing accounts, and prompting for them without echo."""

from __future__ import annotations

import json
import os
import pty
import stat
import sys

import pytest

from smsworks_async.sandbox.sandbox import CUSTOMER_ID, KEY, SECRET
from support.command_docs import shapes
from support.waiting import PATIENCE


CREDENTIALS = f"{CUSTOMER_ID}\n{KEY}\n{SECRET}\n"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and modes")


@pytest.fixture
def stranger(command_line, hosted):
    """The command with a sandbox's address but without an account."""
    command_line.set(BASE_URL=hosted.box.base_url)
    return command_line


def profiles(command_line):
    return command_line.home / "config" / "profiles.json"


def test_login_stores_a_key_and_secret_that_other_commands_use(stranger, hosted):
    done = stranger("login", "--json", stdin=CREDENTIALS)
    assert done.code == 0, done.err
    assert list(done.record) == list(shapes()["login"])
    stored = json.loads(profiles(stranger).read_text())
    assert stored == {
        "default": {
            "customer_id": CUSTOMER_ID,
            "key": KEY,
            "secret": SECRET,
            "base_url": hosted.box.base_url,
        }
    }
    assert SECRET not in done.out + done.err
    assert stranger("balance", "--json").record == {"credits": 10000.0}
    assert list(stranger("balance", "--json").record) == list(shapes()["balance"])


@posix
def test_login_stores_the_profiles_for_their_owner_alone(stranger):
    before = os.umask(0)
    try:
        assert stranger("login", stdin=CREDENTIALS).code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(profiles(stranger).stat().st_mode) == 0o600
    assert stat.S_IMODE(profiles(stranger).parent.stat().st_mode) == 0o700
    assert [path.name for path in profiles(stranger).parent.iterdir()] == ["profiles.json"]


def test_login_stores_a_token_under_a_name(stranger, hosted):
    assert stranger("login", "--profile", "shop", "--with-token", stdin=hosted.box.token).code == 0
    assert stranger("balance").code == 2
    assert stranger("balance", "--profile", "shop").out == "10,000 credits\n"
    stranger.set(PROFILE="shop")
    assert stranger("balance").code == 0
    missing = stranger("balance", "--profile", "shpo")
    assert missing.code == 2
    assert "stored: shop" in missing.error


def test_login_stores_nothing_that_the_api_refuses(stranger):
    refused = stranger("login", "--with-token", stdin="eyJold\n")
    assert refused.code == 1
    assert refused.error
    assert not profiles(stranger).exists()
    assert stranger("login", "--with-token", "--no-check", stdin="eyJold\n").code == 0
    assert profiles(stranger).exists()


@pytest.mark.parametrize("answers", ["", "\n", f"{CUSTOMER_ID}\n", f"{CUSTOMER_ID}\n{KEY}\n"])
def test_login_without_all_that_it_needs_is_a_usage_error(answers, stranger):
    done = stranger("login", stdin=answers)
    assert done.code == 2
    assert "was given" in done.error
    assert not profiles(stranger).exists()


def test_logout_erases_one_profile(stranger, hosted):
    for name in ("shop", "default"):
        assert stranger("login", "--profile", name, stdin=CREDENTIALS).code == 0
    done = stranger("logout", "--json")
    assert done.record == {"profile": "default", "erased": True}
    assert list(done.record) == list(shapes()["logout"])
    assert SECRET in profiles(stranger).read_text()
    assert stranger("balance").code == 2
    assert stranger("logout", "--profile", "shop").code == 0
    assert SECRET not in profiles(stranger).read_text()
    assert stranger("logout").code == 2


def test_profile_is_not_used_at_another_address_unless_it_is_named(stranger, hosted):
    assert stranger("login", stdin=CREDENTIALS).code == 0
    stranger.set(BASE_URL="http://127.0.0.1:9/v1")
    refused = stranger("balance")
    assert refused.code == 2
    assert "SMSWORKS_BASE_URL" in refused.error
    assert stranger("balance", "--profile", "default").code == 0


def test_environment_comes_before_the_default_profile_and_after_options(stranger, hosted, tmp_path):
    assert stranger("login", stdin=CREDENTIALS).code == 0
    stranger.set(TOKEN="eyJold")
    assert stranger("balance").code == 1
    assert stranger("balance", "--profile", "default").code == 0
    file = tmp_path / "token"
    file.write_text(f"{hosted.box.token}\n")
    assert stranger("balance", "--token-file", str(file)).code == 0
    assert stranger("--token-file", str(file), "balance").code == 0
    both = stranger("balance", "--token-file", str(file), "--profile", "default")
    assert both.code == 2


def test_token_file_may_be_named_in_the_environment(stranger, hosted, tmp_path):
    file = tmp_path / "token"
    stranger.set(TOKEN_FILE=str(file))
    missing = stranger("balance")
    assert missing.code == 2
    assert "No such file" in missing.error
    file.write_text("")
    assert "is empty" in stranger("balance").error
    file.write_text(hosted.box.token)
    assert stranger("balance").code == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"default": {"secret": 5}}', '"JWT eyJx"'])
def test_profiles_that_are_none_are_named_without_their_content(content, stranger):
    profiles(stranger).parent.mkdir(parents=True)
    profiles(stranger).write_text(content)
    for words in (["balance"], ["login", "--no-check"]):
        done = stranger(*words, stdin=CREDENTIALS)
        assert done.code == 2
        assert "log in again" in done.error
        assert "eyJ" not in done.err


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_login_without_permission_to_write_says_where(stranger):
    stranger.home.mkdir()
    stranger.home.chmod(0o500)
    done = stranger("login", stdin=CREDENTIALS)
    assert done.code == 2
    assert "cannot be written: Permission denied" in done.error


def test_login_where_a_file_is_in_the_way_says_where(stranger):
    stranger.home.mkdir()
    (stranger.home / "config").write_text("")
    done = stranger("login", stdin=CREDENTIALS)
    assert done.code == 2
    assert "cannot be" in done.error
    assert SECRET not in done.error


def on_terminal(command_line, words, answers):
    """Run the command on a terminal, answer each prompt, and return the output."""
    controller, terminal = pty.openpty()
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    process = command_line.start(*words, **pipes)
    os.close(terminal)
    shown = ""
    for prompt, answer in [*answers.items(), ("\0", "")]:
        while prompt not in shown.rpartition("\n")[2]:
            try:
                read = os.read(controller, 1024).decode()
            except OSError:  # the command has ended
                break
            shown += read
        if answer:
            os.write(controller, f"{answer}\n".encode())
            shown += "\n"
    process.wait(PATIENCE)
    os.close(controller)
    return process.returncode, shown


@posix
def test_login_on_a_terminal_asks_and_does_not_echo_the_secret(stranger):
    answers = {"Customer id": CUSTOMER_ID, "API key": KEY, "API secret": SECRET}
    code, shown = on_terminal(stranger, ["login"], answers)
    assert code == 0, shown
    assert KEY in shown
    assert SECRET not in shown
    assert "Stored as the profile 'default'" in shown


@posix
def test_account_on_a_terminal_is_asked_for_without_echo(stranger, hosted):
    code, shown = on_terminal(stranger, ["balance"], {"API token": hosted.box.token})
    assert code == 0, shown
    assert hosted.box.token not in shown
    assert "10,000 credits" in shown


@posix
def test_send_again_on_a_terminal_asks(smsworks, hosted):
    words = ["send", "--to", "07700 900123", "--sender", "AcmeCorp", "Ready"]
    assert smsworks(*words).code == 0
    for answer, code in (("n", 3), ("", 3), ("y", 0)):
        ended, shown = on_terminal(smsworks, words, {"[y/N]": answer or "\n"})
        assert ended == code, shown
    assert hosted.box.accepted("447700900123") == 2


def test_doctor_finds_nothing_wrong_with_what_works(smsworks, hosted):
    done = smsworks("doctor", "--json")
    assert done.code == 0, done.out
    assert all(list(record) == list(shapes()["doctor"]) for record in done.records)
    states = {record["check"]: record["state"] for record in done.records}
    assert states == dict.fromkeys(
        ("installation", "account", "connection", "credentials", "balance", "journal"), "ok"
    )
    assert not smsworks.home.exists()
    assert {request.path for request in hosted.box.requests} == {"/credits/balance"}


def errors(done):
    return {record["check"] for record in done.records if record["state"] == "error"}


def test_doctor_names_what_is_wrong(stranger, hosted, tmp_path):
    assert errors(nobody := stranger("doctor", "--json")) == {"account"}
    assert nobody.code == 1
    stranger.set(TOKEN="eyJold")
    assert errors(stranger("doctor", "--json")) == {"credentials"}
    assert errors(stranger("doctor", "--json", "--journal", str(tmp_path))) == {
        "credentials",
        "journal",
    }
    stranger.set(BASE_URL="http://127.0.0.1:9/v1", WEBHOOK_SECRET="short")
    assert errors(stranger("doctor", "--json")) == {"connection", "SMSWORKS_WEBHOOK_SECRET"}
    stranger.set(BASE_URL="http://example.org/v1")
    assert "account" in errors(stranger("doctor", "--json"))
    assert "ERROR  account" in stranger("doctor").out


@posix
def test_doctor_finds_profiles_that_others_may_read(stranger):
    assert stranger("login", stdin=CREDENTIALS).code == 0
    profiles(stranger).chmod(0o644)
    assert errors(stranger("doctor", "--json")) == {"profiles"}


def test_doctor_shows_no_password_of_a_journal(smsworks):
    smsworks.set(JOURNAL="postgresql://anna:secret@db.example.org/sms")
    done = smsworks("doctor")
    assert "postgresql://db.example.org/sms" in done.out
    assert "secret" not in done.out


def test_doctor_writes_json_although_it_warns_of_a_password(smsworks):
    done = smsworks("doctor", "--journal", "postgresql://anna:secret@db.test/sms", "--json")
    assert "the password in --journal is visible in the process list" in done.err
    assert "journal" in {record["check"] for record in done.records}


@pytest.mark.parametrize("country", ["FR", "fr"])
def test_cost_shows_a_price(country, smsworks):
    done = smsworks("cost", country, "--json")
    assert list(done.record) == list(shapes()["cost"])
    assert smsworks("cost", country).out == "France: 2 credits a text\n"
    assert smsworks("cost", "Utopia").code == 2
    assert smsworks("cost", "XX").code == 1
