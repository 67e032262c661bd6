"""Payloads: a shared text, messages with their own texts, or a template filled from rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

from smsworks_async import phone, text
from smsworks_async.bulk.chunk import Chunk, Payload
from smsworks_async.bulk.templates import Template, names_in_braces
from smsworks_async.errors import ValidationError
from smsworks_async.models.checks import build_model
from smsworks_async.models.convert import to_wire
from smsworks_async.models.iterables import as_mapping
from smsworks_async.models.outgoing import BatchMessage, Message
from smsworks_async.models.values import is_missing
from smsworks_async.resources.batches import as_message


#: The assumed cost factor outside the UK: typically double (provider's guide, *Message length*).
INTERNATIONAL_FACTOR: Final = 2.0
#: The metadata keys that identify a campaign's messages.
CAMPAIGN: Final = "smsworks-campaign"
POSITION: Final = "smsworks-position"


def _international(destinations: Sequence[str]) -> Sequence[int]:
    # Usually there are none, which counting shows without checking each.
    uk = phone.UK
    if f",{','.join(destinations)}".count(f",{uk}") == len(destinations):
        return ()
    return [index for index, number in enumerate(destinations) if not number.startswith(uk)]


#: Normalises a destination, or raises `ValidationError`.
DestinationRule = Callable[[Any], str]


class SharedText:
    """One text to many numbers; an item is a number.

    Args:
        shared: the shared fields in wire format.
        rule: validates each destination; default: only UK mobiles.
    """

    name = "send"
    are_items = staticmethod(phone.are_normalised)

    def __init__(self, shared: Mapping[str, Any], rule: DestinationRule = phone.normalise) -> None:
        self.shared = shared
        #: Validates one number, or raises `ValidationError`.
        self.parse = rule
        self._credits = text.measure(shared["content"]).credits

    @classmethod
    def of(cls, rule: DestinationRule = phone.normalise, /, **fields: Any) -> SharedText:
        """Validate the fields of a message, or raise `ValidationError`."""
        shared: Any = to_wire(BatchMessage(**fields, destinations=()))
        del shared["destinations"]
        return cls(shared, rule)

    def keys(self, items: Sequence[str]) -> Sequence[str]:
        """Return a key for each item."""
        return items

    def international(self, items: Sequence[str]) -> Sequence[int]:
        """Return the indices of the items outside the UK."""
        return _international(items)

    def destination(self, item: str) -> str:
        """Return the number of an item."""
        return item

    def destinations(self, items: Sequence[str]) -> Sequence[str]:
        """Return the numbers of items."""
        return items

    def content(self, _: str) -> str:
        """Return the text of an item."""
        return str(self.shared["content"])

    def sender(self, _: str) -> str:
        """Return the sender ID of an item."""
        return str(self.shared["sender"])

    def may_be_reworded(self, _: str) -> bool:
        """Return whether the provider may reword an item, so that texts cannot be compared."""
        return bool(self.shared.get("ai"))

    def marks(self, _: int) -> Mapping[str, str]:
        """Return no metadata: a batch of one text has none."""
        return {}

    def credits(self, items: Sequence[str], *, international: bool) -> float:
        """Return the estimated credits of items."""
        return len(items) * self._credits * (INTERNATIONAL_FACTOR if international else 1.0)

    def document(self, chunk: Chunk[str]) -> dict[str, Any]:
        """Return the body of a chunk's request."""
        return {**self.shared, "destinations": chunk.items}

    def pack(self, items: Sequence[str]) -> str:
        """Serialise numbers for a journal."""
        return ",".join(items)

    def unpack(self, packed: str) -> Sequence[str]:
        """Parse numbers serialised by `pack`."""
        return packed.split(",")


Wire = Mapping[str, Any]


class PersonalTexts:
    """Messages with their own texts; an item is a validated message in wire format.

    Args:
        campaign: the campaign with which messages are marked, or None for no marks.
        rule: validates each destination; default: only UK mobiles.
    """

    name = "send_each"
    shared: Mapping[str, Any] = {}

    def __init__(
        self, campaign: str | None = None, rule: DestinationRule = phone.normalise
    ) -> None:
        self._campaign = campaign
        self._rule = rule

    def are_items(self, _: Sequence[Any]) -> bool:
        """Return False: messages always need parsing."""
        return False

    def parse(self, value: Any) -> Wire:
        """Validate one message, or raise `ValidationError`."""
        return self._wire(as_message(value))

    def _wire(self, message: Message) -> Wire:
        if self._campaign is not None and {CAMPAIGN, POSITION} & (message.metadata or {}).keys():
            raise ValidationError(
                f"metadata: {CAMPAIGN} and {POSITION} are set by the campaign", field="metadata"
            )
        wire: dict[str, Any] = to_wire(message)
        wire["destination"] = self._rule(message.destination)
        wire.setdefault("ai", False)
        return wire

    def keys(self, items: Sequence[Wire]) -> Sequence[Hashable]:
        """Return a key for each item."""
        return [(item["destination"], item["content"]) for item in items]

    def international(self, items: Sequence[Wire]) -> Sequence[int]:
        """Return the indices of the items outside the UK."""
        return _international([item["destination"] for item in items])

    def destination(self, item: Wire) -> str:
        """Return the number of an item."""
        return str(item["destination"])

    def destinations(self, items: Sequence[Wire]) -> Sequence[str]:
        """Return the numbers of items."""
        return [item["destination"] for item in items]

    def content(self, item: Wire) -> str:
        """Return the text of an item."""
        return str(item["content"])

    def sender(self, item: Wire) -> str:
        """Return the sender ID of an item."""
        return str(item["sender"])

    def may_be_reworded(self, item: Wire) -> bool:
        """Return whether the provider may reword an item, so that texts cannot be compared."""
        return bool(item.get("ai"))

    def marks(self, position: int) -> Mapping[str, str]:
        """Return the metadata that identifies the message at a position."""
        if self._campaign is None:
            return {}
        return {CAMPAIGN: self._campaign, POSITION: str(position)}

    def credits(self, items: Sequence[Wire], *, international: bool) -> float:
        """Return the estimated credits of items."""
        each = sum(text.measure(item["content"]).credits for item in items)
        return each * (INTERNATIONAL_FACTOR if international else 1.0)

    def document(self, chunk: Chunk[Wire]) -> list[Wire]:
        """Return the body of a chunk's request."""
        if self._campaign is None:
            return list(chunk.items)
        return [
            {**item, "metadata": [*item.get("metadata", ()), *self._metadata(position)]}
            for item, position in zip(chunk.items, chunk.positions, strict=True)
        ]

    def _metadata(self, position: int) -> list[dict[str, str]]:
        return [{"key": key, "value": value} for key, value in self.marks(position).items()]

    def pack(self, items: Sequence[Wire]) -> str:
        """Serialise messages for a journal."""
        return json.dumps(items)

    def unpack(self, packed: str) -> Sequence[Wire]:
        """Parse messages serialised by `pack`."""
        messages: Sequence[Wire] = json.loads(packed)
        return messages


class TemplatedTexts(PersonalTexts):
    """Messages whose texts are a template filled from rows.

    Args:
        template: the text, with fields in braces.
        common: the shared fields of the messages, without the content.
        campaign, rule: as for `PersonalTexts`.
    """

    name = "template"

    def __init__(
        self,
        template: str,
        common: Mapping[str, Any],
        campaign: str | None = None,
        rule: DestinationRule = phone.normalise,
    ) -> None:
        super().__init__(campaign, rule)
        self._template = Template(template)
        self._common = common
        # Validate the shared fields before the first row is read.
        self.shared = {
            **SharedText.of(**common, content="-").shared,
            "content": self._template.source,
        }

    def parse(self, value: Any) -> Wire:
        """Fill the template from one row, or raise `ValidationError`."""
        row = as_mapping(value)
        if row is None:
            raise ValidationError(
                f"a row must be a mapping of the template's fields, not {type(value).__name__}",
                field="row",
            )
        content = self._template.fill(row)
        destination = row.get("destination")
        if is_missing(destination):
            raise ValidationError("the row has no destination", field="destination")
        fields: Any = {**self._common, "content": content, "destination": destination}
        return self._wire(build_model(Message, fields))


def warnings_of(payload: Payload[Any]) -> tuple[str, ...]:
    """Return warnings about content that is sent unchanged and is probably a mistake."""
    fields = names_in_braces(payload.content("")) if isinstance(payload, SharedText) else 0
    if not fields:
        return ()
    warning = (
        f"content has {fields} {'name' if fields == 1 else 'names'} in braces, which would be sent "
        "unchanged to all recipients; to fill in a value for each recipient, call bulk.send_each "
        "with template= "
        "and rows="
    )
    return (warning,)


def stored_payload(name: str, shared: Mapping[str, Any], campaign: str) -> Payload[Any]:
    """Return the payload of a planned campaign: filled templates are personal texts."""
    return SharedText(shared) if name == SharedText.name else PersonalTexts(campaign)


def personal_payload(
    template: str | None,
    common: Mapping[str, Any],
    campaign: str | None,
    rule: DestinationRule = phone.normalise,
) -> PersonalTexts:
    """Return the payload of messages with their own texts, or of a template.

    Raises:
        ValidationError: the arguments do not fit together.
    """
    if template is not None:
        if "sender" not in common:
            raise ValidationError("a template needs a sender", field="sender")
        return TemplatedTexts(template, common, campaign, rule)
    if common:
        name = next(iter(common))
        raise ValidationError(f"{name} is only for templates; messages have their own", field=name)
    return PersonalTexts(campaign, rule)
