"""Where the command keeps its files: the platform's own folders, or ``SMSWORKS_HOME``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Literal


Kind = Literal["config", "data", "state"]

_NAME: Final = "smsworks"


def folder(kind: Kind) -> Path:
    """Return the folder for files of a kind: not made yet, where nothing is kept in it.

    Args:
        kind: ``"config"`` for profiles, ``"data"`` for journals, ``"state"`` for what `listen` has
            posted.
    """
    home = os.environ.get("SMSWORKS_HOME")
    if home:
        return Path(home).expanduser() / kind
    import platformdirs

    # Without the author, which Windows would have above it.
    if kind == "config":
        return platformdirs.user_config_path(_NAME, appauthor=False)
    if kind == "data":
        return platformdirs.user_data_path(_NAME, appauthor=False)
    return platformdirs.user_state_path(_NAME, appauthor=False)


def made(path: Path) -> Path:
    """Make a folder that only its owner may enter, where it is not there yet, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def file_name(base_url: str) -> str:
    """Return a part of a file's name that stands for an API's address."""
    from urllib.parse import urlsplit

    parts = urlsplit(base_url)
    return re.sub(r"[^a-z0-9.]+", "-", parts.netloc.lower())


def journal_words(journal: str) -> str:
    """Return a journal as it may be shown: a path, or a URL without user, password and options."""
    from urllib.parse import urlsplit

    if "://" not in journal:
        return journal
    scheme = journal.partition("://")[0]
    try:
        parts = urlsplit(journal)
        host = parts.hostname or ""
    except ValueError:
        return f"{scheme}://..."
    # A password with an unescaped slash reaches into the path.
    return f"{scheme}://..." if "@" in parts.path else f"{scheme}://{host}{parts.path}"


def default_journal(base_url: str) -> Path:
    """Return the journal for an API's address: a trial in a sandbox leaves real sends alone."""
    return folder("data") / f"journal-{file_name(base_url)}.db"
