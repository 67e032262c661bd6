"""What a bulk run is made of: one text to many, a text to each, or a template filled for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

from smsworks_async import phone, text
from smsworks_async.bulk.recipients import Chunk, Kind
from smsworks_async.bulk.templates import Template, names_in_braces
from smsworks_async.errors import ValidationError
from smsworks_async.models.checks import build_model
from smsworks_async.models.convert import to_wire
from smsworks_async.models.iterables import as_mapping
from smsworks_async.models.outgoing import BatchMessage, Message
from smsworks_async.models.values import is_missing
from smsworks_async.resources.batches import as_message


#: What a text costs outside the UK: typically double, by the provider's guide (*Message length*).
ABROAD: Final = 2.0
#: The metadata that tells a campaign's messages from all others.
CAMPAIGN: Final = "smsworks-campaign"
POSITION: Final = "smsworks-position"


def _abroad(destinations: Sequence[str]) -> Sequence[int]:
    # Nearly always nobody, as counting shows without looking at each.
    uk = phone.UK
    if f",{','.join(destinations)}".count(f",{uk}") == len(destinations):
        return ()
    return [index for index, number in enumerate(destinations) if not number.startswith(uk)]


#: What judges a destination: it returns it as the API takes it, or raises `ValidationError`.
Rule = Callable[[Any], str]


class OneText:
    """One text to many; an item is a number.

    Args:
        shared: what all of them share, as it goes on the wire.
        rule: judges each destination; by default UK mobiles alone pass.
    """

    name = "send"
    ready = staticmethod(phone.are_normalised)

    def __init__(self, shared: Mapping[str, Any], rule: Rule = phone.normalise) -> None:
        self.shared = shared
        #: Checks one, or raises `ValidationError`.
        self.parse = rule
        self._credits = text.measure(shared["content"]).credits

    @classmethod
    def of(cls, rule: Rule = phone.normalise, /, **fields: Any) -> OneText:
        """Check the fields of a message, or raise `ValidationError`."""
        shared: Any = to_wire(BatchMessage(**fields, destinations=()))
        del shared["destinations"]
        return cls(shared, rule)

    def keys(self, items: Sequence[str]) -> Sequence[str]:
        """Give what tells each from the others."""
        return items

    def abroad(self, items: Sequence[str]) -> Sequence[int]:
        """Give the indices of those outside the UK."""
        return _abroad(items)

    def destination(self, item: str) -> str:
        """Give the number that it goes to."""
        return item

    def content(self, _: str) -> str:
        """Give the text that it gets."""
        return str(self.shared["content"])

    def sender(self, _: str) -> str:
        """Give the sender that it comes from."""
        return str(self.shared["sender"])

    def may_be_reworded(self, _: str) -> bool:
        """Say whether the provider may reword it, so that texts cannot be compared."""
        return bool(self.shared.get("ai"))

    def identity(self, _: int) -> Mapping[str, str]:
        """Give the metadata that tells it from others: one text to many has none."""
        return {}

    def credits(self, items: Sequence[str], *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        return len(items) * self._credits * (ABROAD if abroad else 1.0)

    def document(self, chunk: Chunk[str]) -> dict[str, Any]:
        """Give the body of the request for a chunk."""
        return {**self.shared, "destinations": chunk.items}

    def pack(self, items: Sequence[str]) -> str:
        """Write numbers down."""
        return ",".join(items)

    def unpack(self, packed: str) -> Sequence[str]:
        """Read numbers that were written down."""
        return packed.split(",")


Wire = Mapping[str, Any]


class EachItsText:
    """A text to each; an item is a message, checked, as it goes on the wire.

    Args:
        campaign: the campaign that its messages are marked with, or None for no marks.
        rule: judges each destination; by default UK mobiles alone pass.
    """

    name = "send_each"
    shared: Mapping[str, Any] = {}

    def __init__(self, campaign: str | None = None, rule: Rule = phone.normalise) -> None:
        self._campaign = campaign
        self._rule = rule

    def ready(self, _: Sequence[Any]) -> bool:
        """Return whether all values are items as they are: messages never are."""
        return False

    def parse(self, value: Any) -> Wire:
        """Check one, or raise `ValidationError`."""
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
        """Give what tells each from the others."""
        return [(item["destination"], item["content"]) for item in items]

    def abroad(self, items: Sequence[Wire]) -> Sequence[int]:
        """Give the indices of those outside the UK."""
        return _abroad([item["destination"] for item in items])

    def destination(self, item: Wire) -> str:
        """Give the number that it goes to."""
        return str(item["destination"])

    def content(self, item: Wire) -> str:
        """Give the text that it gets."""
        return str(item["content"])

    def sender(self, item: Wire) -> str:
        """Give the sender that it comes from."""
        return str(item["sender"])

    def may_be_reworded(self, item: Wire) -> bool:
        """Say whether the provider may reword it, so that texts cannot be compared."""
        return bool(item.get("ai"))

    def identity(self, position: int) -> Mapping[str, str]:
        """Give the metadata that tells a message from all others."""
        if self._campaign is None:
            return {}
        return {CAMPAIGN: self._campaign, POSITION: str(position)}

    def credits(self, items: Sequence[Wire], *, abroad: bool) -> float:
        """Estimate what a chunk costs."""
        each = sum(text.measure(item["content"]).credits for item in items)
        return each * (ABROAD if abroad else 1.0)

    def document(self, chunk: Chunk[Wire]) -> list[Wire]:
        """Give the body of the request for a chunk."""
        if self._campaign is None:
            return list(chunk.items)
        return [
            {**item, "metadata": [*item.get("metadata", ()), *self._marks(position)]}
            for item, position in zip(chunk.items, chunk.positions, strict=True)
        ]

    def _marks(self, position: int) -> list[dict[str, str]]:
        return [{"key": key, "value": value} for key, value in self.identity(position).items()]

    def pack(self, items: Sequence[Wire]) -> str:
        """Write messages down."""
        return json.dumps(items)

    def unpack(self, packed: str) -> Sequence[Wire]:
        """Read messages that were written down."""
        messages: Sequence[Wire] = json.loads(packed)
        return messages


class FromTemplate(EachItsText):
    """A template filled for each; what is read are rows.

    Args:
        template: the text, with fields in braces.
        common: what the messages share, but for their content.
        campaign, rule: as for `EachItsText`.
    """

    name = "template"

    def __init__(
        self,
        template: str,
        common: Mapping[str, Any],
        campaign: str | None = None,
        rule: Rule = phone.normalise,
    ) -> None:
        super().__init__(campaign, rule)
        self._template = Template(template)
        self._common = common
        # Checked as a message would be, before the first row is read.
        self.shared = {
            **OneText.of(**common, content="-").shared,
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


def warnings_of(kind: Kind[Any]) -> tuple[str, ...]:
    """Return what of a run will be sent as it was given, and is probably a mistake."""
    fields = names_in_braces(kind.content("")) if isinstance(kind, OneText) else 0
    if not fields:
        return ()
    warning = (
        f"content has {fields} {'name' if fields == 1 else 'names'} in braces, and everybody gets "
        "it as it is; to fill in a value for each recipient, call bulk.send_each with template= "
        "and rows="
    )
    return (warning,)


def kind_of(name: str, shared: Mapping[str, Any], campaign: str) -> Kind[Any]:
    """Give the kind of a campaign that is planned: a filled template is a text for each."""
    return OneText(shared) if name == OneText.name else EachItsText(campaign)


def kind_of_each(
    template: str | None,
    common: Mapping[str, Any],
    campaign: str | None,
    rule: Rule = phone.normalise,
) -> EachItsText:
    """Give the kind of messages that come with their texts, or of a template's.

    Raises:
        ValidationError: what was given does not go together.
    """
    if template is not None:
        if "sender" not in common:
            raise ValidationError("a template needs a sender", field="sender")
        return FromTemplate(template, common, campaign, rule)
    if common:
        name = next(iter(common))
        raise ValidationError(f"{name} goes with a template; messages have their own", field=name)
    return EachItsText(campaign, rule)
