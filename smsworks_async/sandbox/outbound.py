"""From a request's fields to what is to be sent: one order for each recipient, priced."""

from __future__ import annotations

from typing import Any

import attrs

from .codes import Refusal, complaint
from .destinations import is_international, normalise
from .schemas import BATCH, BINARY, MESSAGE
from .segments import measure, measure_bytes


ABROAD = 2  # times the price of a UK message


@attrs.frozen
class Order:
    """One message to one recipient.

    Attributes:
        fields: of the request, as they came.
        given: the destination as it came.
        destination: normalised; as it came where it is no number.
        failure: the code for which it fails, for all that its batch is accepted; None = it may go.
        credits: what it costs.
    """

    fields: dict[str, Any]
    given: str
    destination: str
    failure: int | None = None
    credits: float = 0.0
    flash: bool = False

    @property
    def international(self) -> bool:
        """Whether it leaves the UK."""
        return self.failure is None and is_international(self.destination)


def order(
    fields: dict[str, Any], given: str, *, flash: bool = False, binary: bool = False
) -> Order:
    """Return the order for a destination; it fails with 4004 when that is no number."""
    destination = normalise(given)
    if destination is None:
        return Order(fields, given, given, failure=4004)
    size = (measure_bytes if binary else measure)(fields["content"])
    credits = float(size.credits * (ABROAD if is_international(destination) else 1))
    return Order(fields, given, destination, credits=credits, flash=flash)


def single(body: Any, *, flash: bool = False, binary: bool = False) -> Order:
    """Read a single message; a binary one has bytes for its content, in hexadecimal.

    Raises:
        Refusal: whatever is wrong with it.
    """
    fields = (BINARY if binary else MESSAGE).read(body)
    return order(fields, fields["destination"], flash=flash, binary=binary)


def batch(body: Any, most: int) -> list[Order]:
    """Read one text for up to `most` recipients.

    Raises:
        Refusal: whatever is wrong with the text, or the number of recipients.
    """
    fields = BATCH.read(body)
    _refuse_size(len(fields["destinations"]), most)
    return [order(fields, given) for given in fields["destinations"]]


def unique(body: Any, most: int) -> list[Order]:
    """Read up to `most` unique messages; what is wrong with one's values is its failure alone.

    Raises:
        Refusal: the body is not an array of messages, or their number is wrong.
    """
    if not isinstance(body, list):
        raise complaint("The body is not an array of messages")
    _refuse_size(len(body), most)
    return [_one_of_many(MESSAGE.shape(item)) for item in body]


def _one_of_many(fields: dict[str, Any]) -> Order:
    try:
        MESSAGE.refuse(fields)
    except Refusal as refused:
        given = fields["destination"]
        return Order(fields, given, normalise(given) or given, failure=refused.code)
    return order(fields, fields["destination"])


def _refuse_size(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise complaint(f"A batch is of 1-{most} messages; this one is of {count}")
