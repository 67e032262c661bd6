"""Stored accounts, in a JSON file that only its owner may read."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from smsworks_async.cli._folders import ensure_folder, folder


DEFAULT: Final = "default"
#: The fields of a profile.
FIELDS: Final = ("customer_id", "key", "secret", "token", "base_url")


def path() -> Path:
    """Return the path of the file with the profiles."""
    return folder("config") / "profiles.json"


def names() -> list[str]:
    """Return the names of the stored profiles; an empty list if the file cannot be read."""
    try:
        return sorted(_read())
    except (OSError, ValueError):
        return []


def load(name: str) -> dict[str, str] | None:
    """Return the profile with a name; None if there is none.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    return _all().get(name)


def store(name: str, profile: Mapping[str, str]) -> Path:
    """Store a profile, replacing one with the same name, and return the file's path.

    Raises:
        ConfigurationError: the file cannot be read or written.
    """
    return _write({**_all(), name: dict(profile)})


def erase(name: str) -> bool:
    """Erase a profile, and return whether it existed.

    Raises:
        ConfigurationError: the file cannot be read or written.
    """
    profiles = _all()
    if name not in profiles:
        return False
    del profiles[name]
    _write(profiles)
    return True


def is_open_to_others() -> bool:
    """Return whether the file's mode lets other users of the machine access it."""
    try:
        mode = path().stat().st_mode
    except OSError:
        return False
    return os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def _read() -> dict[str, dict[str, str]]:
    try:
        text = path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    profiles = json.loads(text)
    if not isinstance(profiles, dict) or not all(
        isinstance(profile, dict)
        and all(name in FIELDS and isinstance(value, str) for name, value in profile.items())
        for profile in profiles.values()
    ):
        raise ValueError("it does not contain profiles")
    return profiles


def _all() -> dict[str, dict[str, str]]:
    from smsworks_async.errors import ConfigurationError

    try:
        return _read()
    except OSError as error:
        raise ConfigurationError(f"{path()} cannot be read: {error.strerror}") from None
    except ValueError:  # its message may quote a secret
        raise ConfigurationError(
            f"{path()} does not have the format that `smsworks login` writes; delete it, and log "
            "in again"
        ) from None


def _write(profiles: Mapping[str, Mapping[str, str]]) -> Path:
    """Replace the file atomically."""
    from smsworks_async.errors import ConfigurationError

    target = path()
    try:
        ensure_folder(target.parent)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".profiles-")  # 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(profiles, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"{target} cannot be written: {error.strerror}") from None
    return target
