"""Derive a campaign's name from its text, its sender, and its recipients in order.

The name does not depend on the file's name or format. A list that was saved again is therefore the
same campaign, and is not sent twice.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Final


_WORDS: Final = 4
_LONGEST: Final = 30
_BATCH: Final = 5000


def campaign_name(message: str, sender: str, destinations: Iterable[str]) -> str:
    """Return a campaign's name: the first words of its text, and a digest.

    Args:
        message: the text, with its fields.
        sender: the sender ID.
        destinations: the numbers in the API's format, in order.

    >>> campaign_name("Hi {firstname}, we open at nine!", "AcmeCorp", ["447700900123"])
    'hi-firstname-we-open-eb02351c3132'
    """
    text = "\n".join(unicodedata.normalize("NFC", message).strip().splitlines())
    digest = hashlib.sha256(f"{sender}\0{text}\0".encode())
    numbers = iter(destinations)
    while some := list(islice(numbers, _BATCH)):
        digest.update("".join(f"{number}\n" for number in some).encode())
    words = "-".join(re.findall(r"[a-z0-9]+", text.lower())[:_WORDS])[:_LONGEST].strip("-")
    return "-".join(filter(None, [words, digest.hexdigest()[:12]]))
