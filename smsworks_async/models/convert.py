"""The one converter between JSON and the models, and what it tolerates.

The wire gives ids and numbers as JSON numbers or strings, dates in two formats, lists of one as
the one, and fields that we do not know. All of that is settled here, once.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from smsworks_async.errors import CODES, is_permanent
from smsworks_async.models import incoming, outgoing
from smsworks_async.privacy import redact


T = TypeVar("T")

# What JavaScript's Date.toString() writes; the weekday is passed over, since samples get it wrong.
_JAVASCRIPT_DATE: Final = re.compile(
    r"[A-Za-z]{3},? (?P<month>[A-Za-z]{3}) (?P<day>[0-9]{1,2}) (?P<year>[0-9]{4}) "
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}) "
    r"(?:GMT|UTC)(?P<offset>[+-][0-9]{4})?(?: \([^)]*\))?"
)
# A table, since strptime goes by the machine's language.
_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
# A key that no JSON document of the API's has: where unknown fields are handed over.
_EXTRA: Final = "<extra>"


def _string(value: object, _: object = None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    raise TypeError(f"expected a string, not {type(value).__name__}")


def _number(value: object, _: object = None) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            # The exception would quote the value.
            raise ValueError("expected a number, not these words") from None
    else:
        raise TypeError(f"expected a number, not {type(value).__name__}")
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _whole_number(value: object, _: object = None) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError("expected a whole number")
    return int(number)


def _boolean(value: object, _: object = None) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise TypeError(f"expected true or false, not {type(value).__name__}")


def parse_date(value: object, _: object = None) -> datetime:
    """Parse either of the wire's date formats to an aware datetime, UTC.

    Raises:
        ValueError: it is in neither format.
        TypeError: it is not a string.
    """
    if not isinstance(value, str):
        raise TypeError(f"expected a date, not {type(value).__name__}")
    if (match := _JAVASCRIPT_DATE.fullmatch(value)) is not None and match["month"] in _MONTHS:
        month = _MONTHS.index(match["month"]) + 1
        date = f"{match['year']}-{month:02}-{int(match['day']):02}"
        value = f"{date}T{match['time']}{match['offset'] or '+0000'}"
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected a date in ISO 8601 or as JavaScript writes it") from None


def format_date(moment: datetime) -> str:
    """Write an aware datetime as ISO 8601 with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _failure_reason(value: object, _: object = None) -> incoming.FailureReason | None:
    if value is None or value in ("", {}):
        return None
    if isinstance(value, str):
        return incoming.FailureReason(details=redact(value))
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object or a string, not {type(value).__name__}")
    code = _lenient(_whole_number)(value.get("code"))
    if code is not None and 0 <= code < 100:
        code += 5000  # delivery reports say 1 and 34 for 5001 and 5034
    permanent = _lenient(_boolean)(value.get("permanent"))
    if permanent is None and code in CODES:
        permanent = is_permanent(400, code, None)
    words = value.get("details") or ("" if code is not None else value.get("code") or "")
    return incoming.FailureReason(code, redact(_string(words)), permanent)


def _pairs(value: object, _: object = None) -> dict[str, str]:
    if value in (None, ""):
        return {}
    if isinstance(value, Mapping):
        return {str(key): _string(item) for key, item in value.items()}
    if not isinstance(value, list):
        raise TypeError(f"expected a list of keys and values, not {type(value).__name__}")
    return {
        _string(pair["key"]): _string(pair.get("value", ""))
        for pair in value
        if isinstance(pair, Mapping) and "key" in pair
    }


def _object(value: object, _: object = None) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if value in (None, ""):
        return {}
    raise TypeError(f"expected an object, not {type(value).__name__}")


def _numbers(value: object, _: object = None) -> tuple[str, ...]:
    return tuple(map(_string, value)) if isinstance(value, list) else (_string(value),)


def _lenient(hook: Callable[[object], T]) -> Callable[..., T | None]:
    """Read what decides nothing: where it cannot be read, it is as if it were not there."""

    def read(value: object, _: object = None) -> T | None:
        try:
            return None if value is None else hook(value)
        except (TypeError, ValueError):
            return None

    return read


def _keyed(metadata: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return None if metadata is None else [{"key": k, "value": v} for k, v in metadata.items()]


_DATE = override(struct_hook=_lenient(parse_date))
_NUMBER = _lenient(_number)
_STATUS = override(struct_hook=lambda value, _: _lenient(_string)(value) or "")
# That it was accepted, the id decides alone.
_SENT = {
    "message_id": override(rename="messageid"),
    "status": _STATUS,
    "balance": override(rename="credits", struct_hook=_NUMBER),
    "credits_used": override(rename="creditsUsed", struct_hook=_NUMBER),
    "parts": override(rename="messageparts", struct_hook=_lenient(_whole_number)),
}
_INCOMING: Final[Mapping[type, Mapping[str, Any]]] = {
    incoming.SentMessage: _SENT,
    incoming.SentOTP: {**_SENT, "expires": _DATE},
    incoming.Acknowledgement: {"message_id": override(rename="messageid"), "status": _STATUS},
    incoming.Batch: {"batch_id": override(rename="batchid"), "status": _STATUS},
    incoming.MessageRecord: {
        "message_id": override(rename="messageid"),
        "batch_id": override(rename="batchid"),
        "customer_id": override(rename="customerid"),
        "status": _STATUS,
        "credits": override(struct_hook=_NUMBER),
        "failure_reason": override(rename="failurereason", struct_hook=_lenient(_failure_reason)),
        "international": override(struct_hook=_lenient(_boolean)),
        "metadata": override(struct_hook=lambda value, _: _lenient(_pairs)(value) or {}),
        "created": _DATE,
        "modified": _DATE,
        "schedule": _DATE,
    },
    incoming.ScheduledMessage: {
        "message_id": override(rename="id"),
        "destinations": override(struct_hook=_numbers),
        "schedule": _DATE,
    },
    incoming.OTPRecord: {
        "validity": override(struct_hook=_NUMBER),
        "metadata": override(struct_hook=_object),
        "created": _DATE,
        "expires": _DATE,
        "modified": _DATE,
    },
    incoming.ErrorSample: {"code": override(rename="errorCode")},
}
_OUTGOING: Final[Mapping[type, Mapping[str, Any]]] = {
    outgoing.Message: {"metadata": override(unstruct_hook=_keyed)},
    outgoing.BatchMessage: {},
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


def _named(wanted: str, otherwise: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Take an id from the other name that some operations give it."""

    def rename(document: Mapping[str, Any]) -> Mapping[str, Any]:
        if wanted in document or otherwise not in document:
            return document
        renamed = dict(document)
        renamed[wanted] = renamed.pop(otherwise)
        return renamed

    return rename


_BEFORE: Final[Mapping[type, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {
    incoming.Batch: _named("batchid", "messageid"),
    incoming.MessageRecord: _named("messageid", "id"),
    incoming.ScheduledMessage: _flat,
}


def _keeping_unknown_fields(
    structure: Callable[[Mapping[str, Any], Any], T], known: frozenset[str], cls: type[T]
) -> Callable[[object, object], T]:
    before = _BEFORE.get(cls)

    def hook(value: object, _: object) -> T:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {type(value).__name__}")
        if before is not None:
            value = before(value)
        if not value.keys() <= known:
            unknown = {key: item for key, item in value.items() if key not in known}
            value = {**value, _EXTRA: unknown}
        return structure(value, cls)

    return hook


def make_converter(*, explaining: bool = False) -> cattrs.Converter:
    """Make the converter, with every hook that the wire needs.

    Args:
        explaining: whether its errors say where they happened, which costs as much again.
    """
    converter = cattrs.Converter(detailed_validation=explaining)
    scalars: Mapping[type, Callable[[object, object], Any]] = {
        str: _string,
        float: _number,
        int: _whole_number,
        bool: _boolean,
        datetime: parse_date,
    }
    for scalar, hook in scalars.items():
        converter.register_structure_hook(scalar, hook)
    converter.register_unstructure_hook(datetime, format_date)
    for cls, overrides in _INCOMING.items():
        names = {a.name: getattr(overrides.get(a.name), "rename", None) for a in attrs.fields(cls)}
        known = frozenset(new or name for name, new in names.items()) - {"extra"}
        extra = override(rename=_EXTRA, struct_hook=_object)
        hooks: dict[str, Any] = {**overrides, "extra": extra}
        structure: Callable[[Mapping[str, Any], Any], Any] = make_dict_structure_fn(
            cls, converter, **hooks
        )
        converter.register_structure_hook(cls, _keeping_unknown_fields(structure, known, cls))
    for cls, overrides in _OUTGOING.items():
        renames: dict[str, Any] = {
            a.name: override(rename=_WIRE_NAMES[a.name])
            for a in attrs.fields(cls)
            if a.name in _WIRE_NAMES
        }
        unstructure: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
            cls, converter, _cattrs_omit_if_default=True, **renames | dict(overrides)
        )
        converter.register_unstructure_hook(cls, unstructure)
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


def _as_listed(document: object, shape: type[T]) -> object:
    if get_origin(shape) is list and isinstance(document, Mapping):
        return [document]
    return document


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
