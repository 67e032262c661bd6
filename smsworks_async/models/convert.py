"""The one converter between JSON and the models, and what it tolerates.

The wire gives ids and numbers as JSON numbers or strings, dates in two formats, lists of one as
the one, and fields that we do not know. All of that is settled here, once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from smsworks_async.models import incoming, outgoing, readers


T = TypeVar("T")

# A key that no JSON document of the API's has: where unknown fields are handed over.
_EXTRA: Final = "<extra>"


def format_date(moment: datetime) -> str:
    """Write an aware datetime as ISO 8601 with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _keyed(metadata: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return None if metadata is None else [{"key": k, "value": v} for k, v in metadata.items()]


def _hex_pairs(data: bytes) -> str:
    return data.hex(" ")


_DATE = override(struct_hook=readers.lenient(readers.date))
_NUMBER = readers.lenient(readers.number)
_string = readers.lenient(readers.string)
_pairs = readers.lenient(readers.pairs)
_STATUS = override(struct_hook=lambda value, _: _string(value) or "")


def _metadata(value: object, _: object = None) -> dict[str, str]:
    return _pairs(value) or {}


def _id(value: object, _: object = None) -> str:
    """Read an id, which alone says that something was accepted."""
    read = readers.string(value)
    if not read.strip():
        raise ValueError("expected an id, not a blank")
    return read


def _given(value: object, _: object = None) -> str:
    return "" if value is None else readers.string(value)


# That it was accepted, the id decides alone.
_SENT = {
    "message_id": override(rename="messageid", struct_hook=_id),
    "status": _STATUS,
    "balance": override(rename="credits", struct_hook=_NUMBER),
    "credits_used": override(rename="creditsUsed", struct_hook=_NUMBER),
    "parts": override(rename="messageparts", struct_hook=readers.lenient(readers.integer)),
}
# Read without asking cattrs which of a union's members it is, which is most of what a record costs.
_TEXT = override(struct_hook=readers.string_or_none)
_RECORD = {
    "message_id": override(rename="messageid"),
    "batch_id": override(rename="batchid", struct_hook=readers.string_or_none),
    "customer_id": override(rename="customerid", struct_hook=readers.string_or_none),
    "sender": _TEXT,
    "destination": _TEXT,
    "content": _TEXT,
    "tag": _TEXT,
    "keyword": _TEXT,
    "status": _STATUS,
    "credits": override(struct_hook=_NUMBER),
    "failure_reason": override(
        rename="failurereason", struct_hook=readers.lenient(readers.failure_reason)
    ),
    "international": override(struct_hook=readers.lenient(readers.boolean)),
    "metadata": override(struct_hook=_metadata),
    "created": _DATE,
    "modified": _DATE,
    "schedule": _DATE,
}
_MESSAGE = {
    "metadata": override(unstruct_hook=_keyed),
    "reference": override(omit=True),  # it is in the metadata
}
_OUTGOING: Final[Mapping[type, Mapping[str, Any]]] = {
    outgoing.Message: _MESSAGE,
    outgoing.ScheduledOne: _MESSAGE,
    outgoing.BinaryMessage: {
        **_MESSAGE,
        "data": override(rename="content", unstruct_hook=_hex_pairs),
    },
    outgoing.BatchMessage: {},
    outgoing.ScheduledBatch: {},
    outgoing.OTPRequest: {},
    outgoing.PasscodeToVerify: {},
    outgoing.Query: {"metadata": override(unstruct_hook=_keyed), "from_": override(rename="from")},
}
_WIRE_NAMES: Final = {
    "at": "schedule",
    "delivery_report_url": "deliveryreporturl",
    "response_email": "responseemail",
}


def _flat(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lift a scheduled entry's message up beside its id and status."""
    message = entry.get("message")
    flat = {**entry, **message} if isinstance(message, Mapping) else dict(entry)
    flat.pop("message", None)
    if "destination" in flat:
        flat.setdefault("destinations", flat.pop("destination"))
    return flat


def _named(**otherwise: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Take fields from the other names that some operations give them."""

    def rename(document: Mapping[str, Any]) -> Mapping[str, Any]:
        for wanted, other in otherwise.items():
            if document.get(wanted) is None and other in document:
                renamed = dict(document)
                renamed[wanted] = renamed.pop(other)
                document = renamed
        return document

    return rename


@functools.cache
def _incoming() -> Mapping[type, Mapping[str, Any]]:
    """Give what differs from the models' own names and types, by the model."""
    from smsworks_async.models import posted  # when something is read, and not before

    return {
        incoming.SentMessage: _SENT,
        incoming.SentOTP: {**_SENT, "expires": _DATE},
        incoming.Acknowledgement: {"message_id": override(rename="messageid"), "status": _STATUS},
        incoming.Batch: {
            "batch_id": override(rename="batchid", struct_hook=_id),
            "status": _STATUS,
        },
        incoming.MessageRecord: _RECORD,
        posted.DeliveryReport: _RECORD,
        posted.IncomingMessage: {
            "message_id": override(rename="messageid"),
            "sender": override(rename="from", struct_hook=_given),
            "destination": override(rename="to", struct_hook=_given),
            "content": override(struct_hook=_given),
            "parts": override(struct_hook=readers.lenient(readers.integer)),
            "created": _DATE,
        },
        incoming.ScheduledMessage: {
            "message_id": override(rename="id"),
            "destinations": override(struct_hook=readers.numbers),
            "schedule": _DATE,
        },
        incoming.OTPRecord: {
            "validity": override(struct_hook=_NUMBER),
            "metadata": override(struct_hook=readers.json_object),
            "created": _DATE,
            "expires": _DATE,
            "modified": _DATE,
        },
        incoming.CountryCost: {},
        incoming.ErrorSample: {"code": override(rename="errorCode")},
    }


@functools.cache
def _before() -> Mapping[type, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    """Give what is done to a document before it is read, by the model."""
    from smsworks_async.models import posted

    return {
        incoming.Batch: _named(batchid="messageid"),
        incoming.MessageRecord: _named(messageid="id"),
        posted.DeliveryReport: _named(messageid="id"),
        posted.IncomingMessage: _named(
            **{"messageid": "id", "from": "sender", "to": "destination"}
        ),
        incoming.ScheduledMessage: _flat,
    }


def _keeping_unknown_fields(
    structure: Callable[[Mapping[str, Any], Any], T], known: frozenset[str], cls: type[T]
) -> Callable[[object, object], T]:
    before = _before().get(cls)

    def hook(value: object, _: object) -> T:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if type(value) is not dict and not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {type(value).__name__}")
        if before is not None:
            value = before(value)
        if not value.keys() <= known:
            unknown = {key: item for key, item in value.items() if key not in known}
            value = {**value, _EXTRA: unknown}
        return structure(value, cls)

    return hook


def _reading(cls: type[Any], converter: cattrs.Converter) -> Callable[[object, object], Any]:
    overrides = _incoming()[cls]
    names = {a.name: getattr(overrides.get(a.name), "rename", None) for a in attrs.fields(cls)}
    known = frozenset(new or name for name, new in names.items()) - {"extra"}
    extra = override(rename=_EXTRA, struct_hook=readers.json_object)
    hooks: dict[str, Any] = {**overrides, "extra": extra}
    structure: Callable[[Mapping[str, Any], Any], Any] = make_dict_structure_fn(
        cls, converter, **hooks
    )
    return _keeping_unknown_fields(structure, known, cls)


def _writing(cls: type[Any], converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    renames: dict[str, Any] = {
        a.name: override(rename=_WIRE_NAMES[a.name])
        for a in attrs.fields(cls)
        if a.name in _WIRE_NAMES
    }
    hooks: Any = renames | dict(_OUTGOING[cls])
    write: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
        cls, converter, _cattrs_omit_if_default=True, **hooks
    )
    return write


def make_converter(*, explaining: bool = False) -> cattrs.Converter:
    """Make the converter, with every hook that the wire needs.

    Args:
        explaining: whether its errors say where they happened, which costs as much again.
    """
    converter = cattrs.Converter(detailed_validation=explaining)
    scalars: Mapping[type, Callable[[object, object], Any]] = {
        str: readers.string,
        float: readers.number,
        int: readers.integer,
        bool: readers.boolean,
        datetime: readers.date,
    }
    for scalar, hook in scalars.items():
        converter.register_structure_hook(scalar, hook)
    converter.register_unstructure_hook(datetime, format_date)
    # What a model needs is made when it is first met, and not when this is imported.
    converter.register_structure_hook_factory(
        lambda cls: isinstance(cls, type) and cls in _incoming(),
        lambda cls: _reading(cls, converter),
    )
    converter.register_unstructure_hook_factory(
        lambda cls: isinstance(cls, type) and cls in _OUTGOING,
        lambda cls: _writing(cls, converter),
    )
    return converter


_converter = make_converter()


def to_wire(message: object) -> Any:
    """Turn an outgoing model, or a list of them, into what its JSON holds.

    Fields that are not set are left out. What is JSON already stays as it is.
    """
    if message is None or isinstance(message, dict):
        return message
    if isinstance(message, list):
        return [to_wire(one) for one in message]
    return _converter.unstructure(message)


def from_wire(document: object, shape: type[T]) -> T:
    """Turn an answer's JSON into a model.

    Raises:
        Misshapen: it has another shape.
    """
    document = _as_listed(document, shape)
    try:
        return _converter.structure(document, shape)
    except Exception as error:
        raise Misshapen(_explain(document, shape)) from error


def _as_listed(document: object, shape: Any) -> object:
    if _is_list(shape) and isinstance(document, Mapping):
        return [document]
    return document


@functools.cache
def _is_list(shape: Hashable) -> bool:
    return get_origin(shape) is list


class Misshapen(ValueError):
    """An answer differs from its model; the message says where, without quoting it."""


@functools.cache
def _explaining_converter() -> cattrs.Converter:
    return make_converter(explaining=True)


def _explain(document: object, shape: type[T]) -> str:
    try:
        _explaining_converter().structure(document, shape)
    except Exception as error:
        return "; ".join(cattrs.transform_error(error, path="$", format_exception=_complaint))
    return "unreadable"


def _complaint(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required field missing"
    return str(error)
