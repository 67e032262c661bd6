"""The destinations that the sandbox accepts, and the delivery result for each.

UK mobile numbers are `07...` or `447...`; other numbers begin with the country code; `+` and `00`
are refused. All messages are delivered, except those to twelve of the numbers that Ofcom reserves
for drama. They are 07700 9005CC, where 50CC is the code of the failure:

| destination  | failure | final status | credits                        |
|--------------|---------|--------------|--------------------------------|
| 07700 900501 | 5001    | UNDELIVERED  | refunded                       |
| 07700 900502 | 5002    | REJECTED     | refunded, and the cost is 0    |
| 07700 900504 | 5004    | REJECTED     | refunded, and the cost is 0    |
| 07700 900506 | 5006    | UNDELIVERED  | refunded                       |
| 07700 900508 | 5008    | UNDELIVERED  | refunded                       |
| 07700 900509 | 5009    | UNDELIVERED  | refunded                       |
| 07700 900510 | 5010    | REJECTED     | refunded, and the cost is 0    |
| 07700 900511 | 5011    | UNDELIVERED  | refunded                       |
| 07700 900513 | 5013    | UNDELIVERED  | refunded                       |
| 07700 900515 | 5015    | EXPIRED      | refunded                       |
| 07700 900520 | 5020    | REJECTED     | refunded, and the cost is 0    |
| 07700 900534 | 5034    | UNDELIVERED  | refunded                       |

This applies to single messages, batches and scheduled messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs


_LONGEST = 15  # digits, by E.164
_UK_MOBILE = re.compile(r"(?:0|44)(7[0-9]{9})")
# E.164, with exceptions. Ten digits beginning with 7 are a UK mobile number without its 0, and for
# 44, the UK, only mobile numbers are accepted. After 1, the North American plan, come ten digits,
# the first of them 2 or more; a UK number that JavaScript parsed as octal, because it was not
# quoted, does not match that.
_ELSEWHERE = re.compile(r"(?!44|7[0-9]{9}$)(?:1[2-9][0-9]{9}|[2-9][0-9]{6,14})")


@attrs.frozen
class DeliveryResult:
    """The final status of a message, and the code of its failure, or None."""

    status: str
    code: int | None = None


DELIVERED = DeliveryResult("DELIVERED")
EXPIRED = DeliveryResult("EXPIRED", 5015)
_UNDELIVERED = (5001, 5006, 5008, 5009, 5011, 5013, 5034)
_REJECTED = (5002, 5004, 5010, 5020)
_RESULTS = {
    f"447700900{result.code - 4500}": result
    for result in (
        *(DeliveryResult("UNDELIVERED", code) for code in _UNDELIVERED),
        *(DeliveryResult("REJECTED", code) for code in _REJECTED),
        EXPIRED,
    )
    if result.code is not None
}
#: The possible codes of each final status.
CODES_OF: Final = {
    "DELIVERED": (None,),
    "UNDELIVERED": _UNDELIVERED,
    "REJECTED": _REJECTED,
    "EXPIRED": (5015,),
}


def normalise(destination: str) -> str | None:
    """Return a destination in the account's format, `447...` in the UK; None if it is invalid."""
    return _normalise(destination) if len(destination) <= _LONGEST else None


# A request's number is read twice, and tests text the same few numbers.
@lru_cache(maxsize=1024)
def _normalise(destination: str) -> str | None:
    uk = _UK_MOBILE.fullmatch(destination)
    if uk is not None:
        return f"44{uk[1]}"
    return destination if _ELSEWHERE.fullmatch(destination) else None


def is_international(destination: str) -> bool:
    """Return whether a normalised destination is outside the UK."""
    return not destination.startswith("44")


def delivery_result(destination: str) -> DeliveryResult:
    """Return the delivery result of a message to a normalised destination."""
    return _RESULTS.get(destination, DELIVERED)
