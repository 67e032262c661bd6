"""The folders and names of the command's files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal


Kind = Literal["config", "data", "state"]

_NAME: Final = "smsworks"


def folder(kind: Kind) -> Path:
    """Return the folder for files of a kind, which may not exist yet.

    It is the platform's folder for that kind, or a subfolder of ``SMSWORKS_HOME``.

    Args:
        kind: ``"config"`` for profiles, ``"data"`` for journals, ``"state"`` for the records of
            `listen`.
    """
    home = os.environ.get("SMSWORKS_HOME")
    if home:
        return Path(home).expanduser() / kind
    import platformdirs

    # On Windows, platformdirs would otherwise add a folder for the author.
    if kind == "config":
        return platformdirs.user_config_path(_NAME, appauthor=False)
    if kind == "data":
        return platformdirs.user_data_path(_NAME, appauthor=False)
    return platformdirs.user_state_path(_NAME, appauthor=False)


def ensure_folder(path: Path) -> Path:
    """Create a folder with mode 0700 if it does not exist, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def file_name(base_url: str) -> str:
    """Return an API's host and port in a form that can be part of a file's name."""
    from urllib.parse import urlsplit

    parts = urlsplit(base_url)
    return re.sub(r"[^a-z0-9.]+", "-", parts.netloc.lower())


def journal_label(journal: str) -> str:
    """Return a journal for display: a path, or a URL without user, password and options."""
    from urllib.parse import urlsplit

    if "://" not in journal:
        return journal
    scheme = journal.partition("://")[0]
    try:
        parts = urlsplit(journal)
        host = parts.hostname or ""
    except ValueError:
        return f"{scheme}://..."
    # If a password has an unescaped slash, part of it is parsed as the path.
    return f"{scheme}://..." if "@" in parts.path else f"{scheme}://{host}{parts.path}"


def default_journal(base_url: str) -> Path:
    """Return the default journal for an API's address; sandboxes and the real API have others."""
    return folder("data") / f"journal-{file_name(base_url)}.db"
