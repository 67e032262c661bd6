"""The URL of a PostgreSQL journal: what libpq understands, translated for asyncpg, or refused.

asyncpg sends each option that it does not know to the server as a setting, so that none is handed
over here that was not looked at: https://www.postgresql.org/docs/current/libpq-connect.html.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

import attrs

from smsworks_async.errors import ConfigurationError


#: How a URL begins that is of a PostgreSQL database.
SCHEMES: Final = ("postgresql", "postgres")

#: Seconds to wait for a connection, where the URL does not say; libpq waits for ever.
_CONNECT_TIMEOUT: Final = 10.0
_DEFAULT_NAME: Final = "smsworks-async"

# Given to asyncpg as they are; the values of the first are checked before.
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SESSIONS: Final = ("any", "read-write", "primary")
_CERTIFICATES: Final = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
_WHOLE: Final = re.compile(r"-?[0-9]{1,6}")
_GIVEN_ON: Final = frozenset(
    {
        *_CERTIFICATES,
        *("sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("krbsrvname", "gsslib", "passfile", "service"),
    }
)
# Values of an option that ask for nothing that asyncpg does not do; others are refused.
_HARMLESS: Final[Mapping[str, frozenset[str]]] = {
    "channel_binding": frozenset({"disable", "prefer"}),
    "client_encoding": frozenset({"auto", "utf8", "utf-8", "unicode"}),
    "gssdelegation": frozenset({"0"}),
    "gssencmode": frozenset({"disable", "prefer"}),
    "keepalives": frozenset({"0"}),
    "replication": frozenset({"0", "false", "off", "no"}),
    "sslcertmode": frozenset({"allow"}),
    "sslcompression": frozenset({"0"}),
    "sslnegotiation": frozenset({"postgres"}),
    "sslsni": frozenset({"1"}),
}


@attrs.frozen
class Target:
    """Where a journal is, as asyncpg is told.

    Attributes:
        name: hosts and database, without user and password, for logs and errors.
        arguments: those of `asyncpg.connect`.
        is_shuffled: whether the hosts are tried in a random order.
    """

    name: str
    arguments: Mapping[str, Any] = attrs.field(repr=False)
    is_shuffled: bool = False

    def connect_arguments(self) -> dict[str, Any]:
        """Return the arguments of one connection."""
        given = dict(self.arguments)
        if self.is_shuffled and "host" in given:
            pairs = list(zip(given["host"], given["port"], strict=True))
            random.shuffle(pairs)
            given["host"], given["port"] = (list(one) for one in zip(*pairs, strict=True))
        return given


def parse(url: str) -> Target:
    """Return what a URL says.

    Raises:
        ConfigurationError: it is no such URL, or has an option that cannot be honoured. The URL is
            not quoted, since it holds a password.
    """
    split = _split(url)
    if split is None:
        raise _malformed("it cannot be read")
    parts, options = split
    if parts.scheme not in SCHEMES:
        raise _wrong_scheme(parts.scheme)
    if parts.fragment:
        raise _malformed("a # in it must be written as %23")
    user, password, netloc = _authority(parts)
    arguments: dict[str, Any] = {
        "user": options.pop("user", user),
        "password": options.pop("password", password),
        "database": _database(parts, options),
    }
    hosts, ports = _addresses(netloc, options)
    if hosts:
        arguments |= {"host": hosts, "port": ports}
    is_shuffled = _is_shuffled(options.pop("load_balance_hosts", "disable"))
    # libpq's is for each host, asyncpg's for all of them.
    arguments["timeout"] = _timeout(options.pop("connect_timeout", "0")) * max(1, len(hosts))
    arguments["server_settings"] = _settings(options)
    arguments |= _translated(options)
    if len(hosts) > 1 and arguments["target_session_attrs"] is None:
        arguments["target_session_attrs"] = "read-write"  # a standby takes no claims
    if options:
        raise _refused(next(iter(options)))
    database = arguments["database"] or "the default database"
    name = f"{','.join(hosts) or 'the default host'}/{database}"
    return Target(name, {k: v for k, v in arguments.items() if v is not None}, is_shuffled)


def _split(url: str) -> tuple[SplitResult, dict[str, str]] | None:
    """Return the parts of a URL and its options; None if it is not one, in an error of our own."""
    try:
        parts = urlsplit(url)
        strict = bool(parts.query)
        return parts, dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=strict))
    except ValueError:
        return None


def _malformed(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the journal's URL is malformed: {why}; it is postgresql://user:password@host/database, "
        "with special characters in percent-encoding"
    )


def _wrong_scheme(scheme: str) -> ConfigurationError:
    if scheme.partition("+")[0] in SCHEMES:
        return ConfigurationError(
            f"the journal's URL must begin with postgresql://, not with {scheme}://; leave out the "
            "name of the driver"
        )
    return _malformed("it must begin with postgresql://")


def _refused(option: str) -> ConfigurationError:
    return ConfigurationError(
        f"the journal's URL has the option {option}, which is not supported; leave it out"
    )


def _authority(parts: SplitResult) -> tuple[str | None, str | None, str]:
    """Return the user, the password, and the hosts with their ports as they are written."""
    login, _, netloc = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    return unquote(user) or None, unquote(password) or None, netloc


def _database(parts: SplitResult, options: dict[str, str]) -> str | None:
    in_path = unquote(parts.path.removeprefix("/")) or None
    return options.pop("dbname", None) or options.pop("database", None) or in_path


def _addresses(netloc: str, options: dict[str, str]) -> tuple[list[str], list[int]]:
    """Return hosts and their ports; none where the environment or the default decides."""
    hosts: list[str] = []
    written: list[str] = []
    for one in filter(None, netloc.split(",")):
        if one.startswith("["):
            host, _, rest = one[1:].partition("]")
            port = rest.removeprefix(":")
        else:
            host, _, port = one.partition(":")
        hosts.append(unquote(host))
        written.append(port)
    if "host" in options:
        hosts = options.pop("host").split(",")
        written = [""] * len(hosts)
    if "port" in options:
        given = options.pop("port").split(",")
        written = given * len(hosts) if len(given) == 1 else given
    if len(written) != len(hosts):
        raise _malformed("it must have as many ports as hosts, or one")
    return hosts, [_port(port) for port in written]


def _port(written: str) -> int:
    if not written:
        return 5432
    if not written.isascii() or not written.isdecimal() or not 0 < int(written) < 65536:
        raise _malformed("a port must be a number up to 65535")
    return int(written)


def _is_shuffled(value: str) -> bool:
    if value not in {"disable", "random"}:
        raise _bad_value("load_balance_hosts", ("disable", "random"))
    return value == "random"


def _bad_value(option: str, allowed: tuple[str, ...]) -> ConfigurationError:
    return ConfigurationError(
        f"the option {option} of the journal's URL must be one of {', '.join(allowed)}"
    )


def _timeout(written: str) -> float:
    if not _WHOLE.fullmatch(written):
        raise ConfigurationError(
            "the option connect_timeout of the journal's URL must be whole seconds"
        )
    seconds = int(written)
    # As in libpq, nothing and what is below it stand for no limit of the caller's.
    return max(2.0, float(seconds)) if seconds > 0 else _CONNECT_TIMEOUT


def _settings(options: dict[str, str]) -> dict[str, str]:
    """Return what is sent to the server: the settings that libpq sends."""
    fallback = options.pop("fallback_application_name", _DEFAULT_NAME)
    settings = {"application_name": options.pop("application_name", fallback)}
    if "options" in options:
        settings["options"] = options.pop("options")
    return settings


def _translated(options: dict[str, str]) -> dict[str, Any]:
    """Return the options that asyncpg has, and leave out those that ask for nothing."""
    for option, harmless in _HARMLESS.items():
        value = options.pop(option, None)
        if value is not None and value.lower() not in harmless:
            raise ConfigurationError(
                f"the journal's URL has the option {option}={value}, which is not supported; leave "
                f"it out, or set it to {' or '.join(sorted(harmless))}"
            )
    given: dict[str, Any] = {}
    mode = options.pop("sslmode", None)
    if mode is not None and mode not in _MODES:
        raise _bad_value("sslmode", _MODES)
    session = options.pop("target_session_attrs", None)
    if session is not None and session not in _SESSIONS:
        raise _bad_value("target_session_attrs", _SESSIONS)
    given["target_session_attrs"] = session
    # Files of certificates are read by asyncpg from a URL alone, so that it is given one of these.
    rest = {name: options.pop(name) for name in sorted(_GIVEN_ON & options.keys())}
    for name in _CERTIFICATES:
        # Where asyncpg looks for it, that looks like a server that cannot be reached.
        if name in rest and not Path(rest[name]).is_file():
            raise ConfigurationError(
                f"the file of the option {name} of the journal's URL is missing"
            )
    if mode is not None:
        rest["sslmode"] = mode
    if rest:
        given["dsn"] = f"postgresql://?{urlencode(rest)}"
    return given
