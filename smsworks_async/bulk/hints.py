"""Hints of an estimate about texts and sender IDs. Nothing is refused because of them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


#: Words that name a way to opt out: the keywords of opt-out lists, and their usual forms.
_WAY_OUT: Final = re.compile(r"\bstop\b|\bunsub|\bopt(?:ing)?[\s-]?out\b")

#: A request to opt out by a reply.
_REPLY: Final = re.compile(r"\breply(?:\s+with)?\W+stop\b")

#: Generic names that UK operators have blocked as sender IDs since October 2023. An extract of the
#: lists in MessageMedia's *UK Sender ID requirements* and on
#: https://castmessage.com/banned-sender-ids.
_NAMES: Final = (
    "2fa account admin alert appointment auth bank billing code confirm contact courier delivery "
    "help info infosms login message mobile msg noreply notify order otp parcel payment pin "
    "pincode post refund reminder reply security service sms smsinfo support text track tracking "
    "txt update updates validate verify verifysms warning winner"
)
_GENERIC: Final = frozenset(_NAMES.split())
#: Operators also block spellings such as VER1FY.
_LOOK_ALIKES: Final = str.maketrans("013", "oie")

#: Numeric senders that operators accept: UK numbers, and short codes of five digits.
_UK_NUMBER: Final = re.compile(r"44\d{7,}|0\d{8,}|[678]\d{4}")


def names_way_out(text: str) -> bool:
    """Return whether a text seems to name a way to opt out."""
    return _WAY_OUT.search(unicodedata.normalize("NFKC", text).casefold()) is not None


def asks_for_reply(text: str) -> bool:
    """Return whether a text seems to ask for a reply such as STOP."""
    return _REPLY.search(unicodedata.normalize("NFKC", text).casefold()) is not None


def takes_replies(sender: str) -> bool:
    """Return whether a sender is a number, or not known; a name cannot be replied to."""
    return not sender or sender.isdigit()


@lru_cache(maxsize=256)
def hint_on_sender(sender: str) -> str:
    """Return why UK operators are likely to block a sender ID, or an empty string."""
    if sender.isdigit():
        return "" if _UK_NUMBER.fullmatch(sender) else _NUMERIC
    name = sender.casefold()
    if name in _GENERIC or name.translate(_LOOK_ALIKES) in _GENERIC:
        return f"sender {sender} is a generic name, which UK operators block; name your brand"
    return ""


_NUMERIC: Final = (
    "a numeric sender is neither a UK number nor a short code (five digits, the first of them 6, 7 "
    "or 8), and UK operators block it"
)


def hint_on_way_out(silent: int, recipients: int, *, is_shared: bool) -> str:
    """Return a hint about texts that name no way to opt out, or an empty string.

    Marketing by text needs one in every message: regulation 22 of the Privacy and Electronic
    Communications Regulations 2003.

    Args:
        silent: recipients whose text names none.
        recipients: all recipients.
        is_shared: whether all recipients get the same text.
    """
    if not silent:
        return ""
    texts = "the text names" if is_shared else f"{silent:,} of {recipients:,} texts name"
    return f'{texts} no way to opt out, such as "Reply STOP to opt out"; marketing texts need one'


def hint_on_replies(unanswerable: int, recipients: int, *, is_shared: bool) -> str:
    """Return a hint about texts that ask for a reply to a name, or an empty string.

    Args:
        unanswerable: recipients whose text does.
        recipients: all recipients.
        is_shared: whether all recipients get the same text.
    """
    if not unanswerable:
        return ""
    texts = "the text asks" if is_shared else f"{unanswerable:,} of {recipients:,} texts ask"
    return (
        f"{texts} for a reply, but the sender is a name, which phones cannot reply to; send from a "
        "number, or name a number to text STOP to"
    )
