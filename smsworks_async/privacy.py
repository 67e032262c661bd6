"""What may be said aloud: nothing here lets a token, a text or a whole phone number through."""

from __future__ import annotations

import re
from typing import Final

from smsworks_async import phone


_TOKEN: Final = re.compile(r"(?:JWT\s+)?eyJ[\w.+/=-]*|JWT\s+\S+")
# Seven digits or more, however they are set apart: ids of messages are masked along with numbers.
_NUMBER: Final = re.compile(r"\+?\d(?:[\s().-]{0,2}\d){6,}")
_LONGEST: Final = 300


def redact(words: str, secrets: tuple[str, ...] = ()) -> str:
    """Make somebody else's words fit for an error: tokens, numbers and `secrets` left out."""
    for secret in secrets:
        if secret:
            words = words.replace(secret, "…")
    words = _TOKEN.sub("…", words)
    words = _NUMBER.sub(lambda match: phone.mask(match[0]), words)
    words = " ".join(words.split())
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "…"
