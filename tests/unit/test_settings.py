"""The settings of a client, and invalid ones."""

from __future__ import annotations

import enum
from unittest.mock import NonCallableMagicMock

import numpy as np
import pytest

from smsworks_async import AsyncSMSWorks, ConfigurationError, SMSWorks
from smsworks_async._credentials import Credentials, parse_token, resolve_credentials
from smsworks_async._settings import BASE_URL, resolve_base_url
from support.internals import settings_of


THREE = {"customer_id": "c", "key": "k", "secret": "s"}
CREDENTIALS = Credentials("c", "k", "s")
ENVIRONMENT = {"SMSWORKS_CUSTOMER_ID": "c", "SMSWORKS_KEY": "k", "SMSWORKS_SECRET": "s"}


@pytest.mark.parametrize("token", ["eyJhbGciOi.J9.x", "JWT eyJhbGciOi.J9.x"])
def test_parse_token_takes_a_token_with_or_without_its_prefix(token):
    assert parse_token(token) == "JWT eyJhbGciOi.J9.x"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "JWT ",
        "eyJ\n",
        "JWT eyJ\r\nX-Evil: 1",
        "eyJ eyJ",
        "Bearer eyJ",
        "eyJé",
        "eyJ\0",
        5,
        b"eyJ",
    ],
)
def test_parse_token_refuses_what_is_no_token_without_quoting_it(token):
    with pytest.raises(ConfigurationError) as caught:
        parse_token(token)
    assert "eyJ" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "api.thesmsworks.co.uk/v1",
        "",
        "ftp://example.org",
        "https://",
        "https://exa mple.org",
        "https://user:pass@example.org",
        "https://example.org/v1?x=1",
        "https://example.org/v1#x",
        "https://[::1",
        "https://example.org:port",
        "http://example.org/v1",
        "http://192.168.0.1/v1",
        "http://127.0.0.1.example.org",
        5,
    ],
)
def test_resolve_base_url_refuses_a_bad_one(base_url):
    with pytest.raises(ConfigurationError, match="base_url"):
        resolve_base_url(base_url, insecure=False, environ={})


@pytest.mark.parametrize(
    ("base_url", "insecure", "expected"),
    [
        (None, False, BASE_URL),
        ("https://example.org/v1/", False, "https://example.org/v1"),
        ("http://127.0.0.1:1/v1", False, "http://127.0.0.1:1/v1"),
        ("http://127.9.9.9", False, "http://127.9.9.9"),
        ("http://[::1]:1/v1", False, "http://[::1]:1/v1"),
        ("http://localhost/v1", False, "http://localhost/v1"),
        ("http://sms.localhost/v1", False, "http://sms.localhost/v1"),
        ("http://example.org/v1", True, "http://example.org/v1"),
    ],
)
def test_resolve_base_url_takes_a_good_one(base_url, insecure, expected):
    assert resolve_base_url(base_url, insecure=insecure, environ={}) == expected


def test_resolve_credentials_reads_the_environment_where_nothing_was_given():
    url = resolve_base_url(None, insecure=False, environ={"SMSWORKS_BASE_URL": "https://x.example"})
    assert url == "https://x.example"
    none = (None, None, None, None)
    assert resolve_credentials(*none, {"SMSWORKS_TOKEN": "eyJ"}) == ("JWT eyJ", None)
    assert resolve_credentials(*none, ENVIRONMENT) == (None, CREDENTIALS)


def test_resolve_credentials_prefers_what_was_given_to_the_environment():
    environment = {**ENVIRONMENT, "SMSWORKS_TOKEN": "eyJ-other"}
    assert resolve_credentials("eyJ", None, None, None, environment) == ("JWT eyJ", None)
    given = resolve_credentials(None, "mine", "k", "s", environment)
    assert given == (None, Credentials("mine", "k", "s"))


def test_resolve_credentials_takes_a_part_from_the_environment():
    assert resolve_credentials(None, "c", "k", None, {"SMSWORKS_SECRET": "s"})[1] == CREDENTIALS


def test_resolve_credentials_takes_a_token_beside_credentials():
    assert resolve_credentials("eyJ", "c", "k", "s", {}) == ("JWT eyJ", CREDENTIALS)


def test_resolve_credentials_takes_an_async_function_for_the_token():
    async def fetch():
        return "eyJ"

    assert resolve_credentials(fetch, None, None, None, {}) == (fetch, None)


def test_resolve_credentials_says_that_the_command_alone_reads_a_token_file():
    with pytest.raises(ConfigurationError, match="TOKEN_FILE is read by the smsworks command"):
        resolve_credentials(None, None, None, None, {"SMSWORKS_TOKEN_FILE": "/run/token"})
    with pytest.raises(ConfigurationError, match=r"SMSWORKS_SECRET$"):
        resolve_credentials(None, None, None, None, {})


def test_client_without_credentials_says_what_to_set():
    with pytest.raises(ConfigurationError, match="SMSWORKS_TOKEN"):
        AsyncSMSWorks()


@pytest.mark.parametrize("missing", THREE)
def test_client_names_a_missing_credential(missing):
    given = {name: value for name, value in THREE.items() if name != missing}
    with pytest.raises(ConfigurationError, match=missing):
        AsyncSMSWorks(**given)


@pytest.mark.parametrize(
    "setting",
    [
        {"timeout": 0},
        {"timeout": "30"},
        {"timeout": True},
        {"timeout": float("nan")},
        {"max_connections": 0},
        {"max_connections": 1.5},
        {"max_rate": 0},
        {"max_rate": -1},
        {"batch_size": 0},
        {"batch_size": 5001},
        {"retry": 4},
        {"timeout": float("inf")},
        {"timeout": 10**400},
        {"timeout": 1e8},
        {"max_connections": 10**400},
        {"max_rate": 10**400},
        {"max_rate": float("inf")},
        {"insecure": "no"},
        {"trust_env": 1},
        {"international": "no"},
        {"ssl": "no"},
        {"proxy": b"http://proxy.example"},
        {"base_url": b"https://example.org"},
    ],
)
@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
def test_client_refuses_a_setting_that_cannot_work_at_once_and_by_name(client, setting):
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        client("eyJ", **setting)


@pytest.mark.parametrize("setting", [{"max_connections": 5}, {"trust_env": True}])
def test_client_refuses_beside_a_session_what_belongs_to_one(setting):
    with pytest.raises(ConfigurationError, match="session"):
        AsyncSMSWorks("eyJ", session=object(), **setting)


@pytest.mark.parametrize("client", [AsyncSMSWorks, SMSWorks])
def test_client_repr_carries_no_token_and_no_secret(client):
    made = client("eyJsecret", customer_id="secret", key="secret", secret="secret")
    for thing in (made, Credentials("secret", "secret", "secret")):
        assert "secret" not in repr(thing).replace("secret=", "")


class Secret:
    """As pydantic's: its string is asterisks."""

    def __str__(self):
        return "**********"


@pytest.mark.parametrize("name", ["token", *THREE])
@pytest.mark.parametrize(
    "value", [Secret(), b"secret", 5, NonCallableMagicMock(), ["secret"]], ids=type
)
def test_client_refuses_what_is_no_text_in_each_part_of_a_log_in(name, value):
    given = {**THREE, name: value}
    with pytest.raises(ConfigurationError, match=f"{name} must be a string, not") as caught:
        AsyncSMSWorks(**given)
    assert "secret" not in str(caught.value).replace("secret must", "")


def test_client_settings_become_plain_values():
    class Part(str, enum.Enum):  # noqa: UP042 - whose `str` is another
        TOKEN = "eyJ"
        URL = "https://example.org/v1"

    client = AsyncSMSWorks(
        Part.TOKEN, base_url=Part.URL, timeout=np.float64(5), max_connections=5.0, batch_size=5.0
    )
    settings = settings_of(client)
    assert (settings.token, settings.base_url) == ("JWT eyJ", "https://example.org/v1")
    assert type(settings.base_url) is str
    assert (type(settings.timeout), type(settings.max_connections)) == (float, int)


def test_client_construction_opens_nothing_and_starts_nothing():
    import threading

    before = threading.active_count()
    AsyncSMSWorks("eyJ")
    SMSWorks("eyJ")
    assert threading.active_count() == before
