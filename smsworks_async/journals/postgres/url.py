"""The URL of a PostgreSQL journal, with libpq's options translated for asyncpg or refused.

asyncpg sends options that it does not know to the server as settings, so each option is checked
here first: https://www.postgresql.org/docs/current/libpq-connect.html.
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


#: The schemes of PostgreSQL URLs.
SCHEMES: Final = ("postgresql", "postgres")

#: The default time-out of a connection in seconds; libpq has none.
_CONNECT_TIMEOUT: Final = 10.0
_DEFAULT_NAME: Final = "smsworks-async"

# Passed to asyncpg unchanged; the values of the first group are checked.
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
# Options that asyncpg lacks, with the values that need no support; other values are refused.
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
    """The location of a journal, in asyncpg's terms.

    Attributes:
        name: hosts and database, without user and password, for logs and errors.
        arguments: the arguments of `asyncpg.connect`.
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
    """Parse a URL.

    Raises:
        ConfigurationError: it is not a PostgreSQL URL, or has an unsupported option. The message
            does not quote the URL, since it may contain a password.
    """
    split = _split(url)
    if split is None:
        raise _malformed("it cannot be read")
    parts, options = split
    if parts.scheme not in SCHEMES:
        raise _wrong_scheme(parts.scheme)
    if parts.fragment:
        raise _malformed("# must be written as %23")
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
    # libpq's time-out applies to each host, asyncpg's to all hosts together.
    arguments["timeout"] = _timeout(options.pop("connect_timeout", "0")) * max(1, len(hosts))
    arguments["server_settings"] = _settings(options)
    arguments |= _translated(options)
    if len(hosts) > 1 and arguments["target_session_attrs"] is None:
        arguments["target_session_attrs"] = "read-write"  # a standby cannot write claims
    if options:
        raise _refused(next(iter(options)))
    database = arguments["database"] or "the default database"
    name = f"{','.join(hosts) or 'the default host'}/{database}"
    return Target(name, {k: v for k, v in arguments.items() if v is not None}, is_shuffled)


def _split(url: str) -> tuple[SplitResult, dict[str, str]] | None:
    """Return the parts and the options of a URL, or None if it is invalid."""
    try:
        parts = urlsplit(url)
        strict = bool(parts.query)
        return parts, dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=strict))
    except ValueError:
        return None


def _malformed(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the journal's URL is malformed: {why}; the form is "
        "postgresql://user:password@host/database, with special characters percent-encoded"
    )


def _wrong_scheme(scheme: str) -> ConfigurationError:
    if scheme.partition("+")[0] in SCHEMES:
        return ConfigurationError(
            f"the journal's URL must begin with postgresql://, not with {scheme}://; remove the "
            "name of the driver"
        )
    return _malformed("it must begin with postgresql://")


def _refused(option: str) -> ConfigurationError:
    return ConfigurationError(
        f"the journal's URL has the option {option}, which is not supported; remove it"
    )


def _authority(parts: SplitResult) -> tuple[str | None, str | None, str]:
    """Return the user, the password, and the hosts with ports as written."""
    login, _, netloc = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    return unquote(user) or None, unquote(password) or None, netloc


def _database(parts: SplitResult, options: dict[str, str]) -> str | None:
    in_path = unquote(parts.path.removeprefix("/")) or None
    return options.pop("dbname", None) or options.pop("database", None) or in_path


def _addresses(netloc: str, options: dict[str, str]) -> tuple[list[str], list[int]]:
    """Return hosts and their ports; empty if the environment or the default applies."""
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
        raise _malformed("the number of ports must be one or the number of hosts")
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
    # As in libpq, zero and negative values mean no limit by the caller.
    return max(2.0, float(seconds)) if seconds > 0 else _CONNECT_TIMEOUT


def _settings(options: dict[str, str]) -> dict[str, str]:
    """Return the server settings that libpq would send."""
    fallback = options.pop("fallback_application_name", _DEFAULT_NAME)
    settings = {"application_name": options.pop("application_name", fallback)}
    if "options" in options:
        settings["options"] = options.pop("options")
    return settings


def _translated(options: dict[str, str]) -> dict[str, Any]:
    """Return the options that asyncpg supports, without options that have no effect."""
    for option, harmless in _HARMLESS.items():
        value = options.pop(option, None)
        if value is not None and value.lower() not in harmless:
            raise ConfigurationError(
                f"the journal's URL has the option {option}={value}, which is not supported; "
                "remove "
                f"it, or set it to {' or '.join(sorted(harmless))}"
            )
    given: dict[str, Any] = {}
    mode = options.pop("sslmode", None)
    if mode is not None and mode not in _MODES:
        raise _bad_value("sslmode", _MODES)
    session = options.pop("target_session_attrs", None)
    if session is not None and session not in _SESSIONS:
        raise _bad_value("target_session_attrs", _SESSIONS)
    given["target_session_attrs"] = session
    # asyncpg reads certificate files only from a URL, so it gets one with these options.
    rest = {name: options.pop(name) for name in sorted(_GIVEN_ON & options.keys())}
    for name in _CERTIFICATES:
        # In asyncpg a missing file would look like an unreachable server.
        if name in rest and not Path(rest[name]).is_file():
            raise ConfigurationError(
                f"the file in the option {name} of the journal's URL does not exist"
            )
    if mode is not None:
        rest["sslmode"] = mode
    if rest:
        given["dsn"] = f"postgresql://?{urlencode(rest)}"
    return given
