"""Match the paths of faults with operations, and suggest paths for those without a match."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from .operations import OPERATIONS, Operation


_WILD = re.compile(r"[*?\[]")
_GLOBS = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)
_ID = re.compile(r"\{[^}]*\}")
# An id in a path is represented by one character of a segment and any number of others.
_ONE, _MORE = "{", "}"


def struck_by(path: str) -> list[Operation]:
    """Return the operations that match a path below `/v1`, or an `fnmatch` pattern."""
    if not _WILD.search(path):
        return [] if "{" in path else [row for row in OPERATIONS if row.serves(path)]
    globs = tuple(_GLOBS.findall(path))
    return [row for row in OPERATIONS if _meet(globs, _ID.sub(_ONE + _MORE, row.path))]


def is_misspelt(path: str) -> bool:
    """Return whether a path has a word in place of an id, and is almost that of an operation.

    >>> is_misspelt("/messages/send"), is_misspelt("/messages/20118541")
    (True, False)
    """
    if not path.rpartition("/")[2].isalpha() or any("{" not in row.path for row in struck_by(path)):
        return False
    plain = [row.path for row in OPERATIONS if "{" not in row.path]
    return bool(get_close_matches(path, plain, 1, 0.9))


def advice(path: str) -> str:
    """Return a clause that suggests paths similar to one without a match; may be empty."""
    known = sorted({_ID.sub("*", row.path) for row in OPERATIONS})
    plain = "/" + _ID.sub("*", path.removeprefix("/v1")).strip("/")
    is_meant = plain != path and struck_by(plain)
    meant = [plain] if is_meant else get_close_matches(plain, known, 3, 0.5)
    if not meant:
        return ""
    return "; did you mean " + " or ".join(f"{name!r}" for name in meant) + "?"


def _meet(globs: tuple[str, ...], route: str) -> bool:
    """Return whether a path exists that matches both a pattern and an operation's path."""

    @cache
    def meet(at: int, on: int) -> bool:
        if at == len(globs) and on == len(route):
            return True
        glob = globs[at] if at < len(globs) else ""
        part = route[on] if on < len(route) else ""
        # Either wildcard may match no further character.
        if (glob == "*" and meet(at + 1, on)) or (part == _MORE and meet(at, on + 1)):
            return True
        if not glob or not part:
            return False
        if glob == "*":
            return part != _MORE and meet(at, on + 1)
        fits = glob != "/" if part in {_ONE, _MORE} else fnmatchcase(part, glob)
        return fits and meet(at + 1, on if part == _MORE else on + 1)

    return meet(0, 0)
