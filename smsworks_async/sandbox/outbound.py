"""Outbound messages: one for each recipient of a request, with its price."""

from __future__ import annotations

from typing import Any, NamedTuple

from .codes import Refusal, complaint
from .destinations import is_international, normalise
from .schemas import BATCH, BINARY, MESSAGE
from .segments import measure, measure_bytes


INTERNATIONAL_FACTOR = 2  # times the price of a UK message


class OutboundMessage(NamedTuple):
    """One message to one recipient, before the account accepts it.

    Attributes:
        fields: the fields of the request, unchanged.
        given: the destination, unchanged.
        destination: the destination, normalised if it is a number.
        failure: the code with which it fails although its batch is accepted; None if it is valid.
        credits: the cost.
        international: whether the destination is a number outside the UK.
        flash: whether it is a flash message.
        binary: whether it is a binary message.
    """

    fields: dict[str, Any]
    given: str
    destination: str
    failure: int | None = None
    credits: float = 0.0
    international: bool = False
    flash: bool = False
    binary: bool = False


def single(body: Any, *, flash: bool = False, binary: bool = False) -> OutboundMessage:
    """Parse a single message; the content of a binary one is bytes in hexadecimal.

    Raises:
        Refusal: a field is missing or invalid.
    """
    fields = (BINARY if binary else MESSAGE).parse(body)
    return _priced(fields, fields["destination"], flash=flash, binary=binary)


def batch(body: Any, most: int) -> list[OutboundMessage]:
    """Parse one text for up to `most` recipients.

    Raises:
        Refusal: a field is missing or invalid, or there are too many or no recipients.
    """
    fields = BATCH.parse(body)
    _check_size(len(fields["destinations"]), most)
    return [_priced(fields, given) for given in fields["destinations"]]


def unique(body: Any, most: int) -> list[OutboundMessage]:
    """Parse up to `most` unique messages; an invalid value makes only its own message fail.

    Raises:
        Refusal: the body is not an array of messages, or has too many or none.
    """
    if not isinstance(body, list):
        raise complaint("The body must be an array of messages")
    _check_size(len(body), most)
    return [_one_of_many(MESSAGE.check_types(item)) for item in body]


def _one_of_many(fields: dict[str, Any]) -> OutboundMessage:
    try:
        MESSAGE.check_values(fields)
    except Refusal as refused:
        given = fields["destination"]
        return OutboundMessage(fields, given, normalise(given) or given, failure=refused.code)
    return _priced(fields, fields["destination"])


def _priced(
    fields: dict[str, Any], given: str, *, flash: bool = False, binary: bool = False
) -> OutboundMessage:
    """Return the message to a destination; its failure is 4004 if that is not a number."""
    destination = normalise(given)
    if destination is None:
        return OutboundMessage(fields, given, given, failure=4004)
    size = (measure_bytes if binary else measure)(fields["content"])
    international = is_international(destination)
    return OutboundMessage(
        fields,
        given,
        destination,
        credits=float(size.credits * (INTERNATIONAL_FACTOR if international else 1)),
        international=international,
        flash=flash,
        binary=binary,
    )


def _check_size(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise complaint(f"A batch must have 1-{most} messages; this one has {count}")
