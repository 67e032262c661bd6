"""The operations of the API, one row each: method, path, success status, and what is done.

Each is a function of the account and one call; it returns what JSON can hold, or raises a Refusal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from . import outbound
from .account import Account
from .codes import CODES, complaint, refusal
from .countries import COUNTRIES
from .passcodes import DEFAULT_LENGTH, DEFAULT_TEMPLATE, DEFAULT_VALIDITY, Passcodes
from .records import (
    FAILED_STATUSES,
    Message,
    Passcode,
    job_record,
    message_record,
    passcode_record,
    plain,
)
from .schemas import (
    BATCH,
    BINARY,
    LOGIN,
    MESSAGE,
    OTP,
    PASSCODE,
    QUERY,
    VERIFY,
    Form,
    read_schedule,
)
from .segments import measure


if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .credentials import Credentials


DAY = 86400  # seconds; days begin at midnight UTC
#: The countries whose mobiles count as the UK's.
UK = frozenset({"GB", "GG", "IM", "JE"})


@attrs.define
class Service:
    """What operations work on; a reset puts another account in its place."""

    account: Account
    passcodes: Passcodes
    credentials: Credentials


@attrs.frozen
class Call:
    """One request: its body or None, the names in its path, its query, and when it came."""

    body: Any
    path: Mapping[str, str]
    query: Mapping[str, str]
    now: float


@attrs.frozen
class Operation:
    """One row of the API.

    Attributes:
        path: below `/v1`; `{name}` stands for one segment.
        run: what is done.
        status: the HTTP status of success.
        form: the fields of its body.
        open: whether it needs no token.
    """

    method: str
    path: str
    run: Callable[[Service, Call], Any]
    status: int = 200
    form: Form | None = None
    open: bool = False

    def serves(self, path: str) -> bool:
        """Return whether a path is one of its own, whatever stands for its ids."""
        return re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", self.path), path) is not None


def _token(service: Service, call: Call) -> Any:
    fields = LOGIN.read(call.body)
    return {"token": service.credentials.log_in(fields)}


def _sent(service: Service, message: Message) -> dict[str, Any]:
    return {
        "messageid": message.message_id,
        "status": message.status,
        "credits": plain(service.account.credits),
        "creditsUsed": plain(message.credits),
    }


def _send(service: Service, call: Call) -> Any:
    return _sent(service, service.account.send(outbound.single(call.body), call.now))


def _flash(service: Service, call: Call) -> Any:
    return _sent(service, service.account.send(outbound.single(call.body, flash=True), call.now))


def _send_binary(service: Service, call: Call) -> Any:
    return _sent(service, service.account.send(outbound.single(call.body, binary=True), call.now))


def _schedule(service: Service, call: Call) -> Any:
    order = outbound.single(call.body)
    at = read_schedule(order.fields, call.now)
    job = service.account.schedule([order], at, call.now, batch=False)
    return [{"messageid": job.id, "status": job.status}]


def _cancel(service: Service, call: Call) -> Any:
    job = service.account.cancel(call.path["messageid"], call.now, batch=False)
    return {"messageid": job.id, "status": job.status}


def _scheduled(service: Service, call: Call) -> Any:
    return [job_record(job) for job in service.account.scheduled(call.now)]


def _records(service: Service, messages: list[Message]) -> list[dict[str, Any]]:
    return [message_record(message, service.account.settings) for message in messages]


def _search(service: Service, call: Call) -> Any:
    return _records(service, service.account.search(QUERY.shape(call.body), call.now))


def _failed(service: Service, call: Call) -> Any:
    query = {**QUERY.shape(call.body), "among": FAILED_STATUSES}
    return _records(service, service.account.search(query, call.now))


def _inbox(service: Service, call: Call) -> Any:
    return _records(service, service.account.take_inbox(QUERY.shape(call.body), call.now))


def _volume(service: Service, call: Call) -> Any:
    return {"volume": service.account.sent_since(call.now - call.now % DAY)}


def _message(service: Service, call: Call) -> Message:
    message = service.account.get(call.path["messageid"], call.now)
    if message is None:
        raise refusal(4008)
    return message


def _get(service: Service, call: Call) -> Any:
    return message_record(_message(service, call), service.account.settings)


def _delete(service: Service, call: Call) -> Any:
    message = _message(service, call)
    service.account.forget(message, call.now)
    return {"messageid": message.message_id, "status": "DELETED"}


def _batch_answer(batch_id: str) -> dict[str, Any]:
    # SCHEDULED is what the API says of a batch that goes at once, too.
    return {"batchid": batch_id, "status": "SCHEDULED"}


def _send_batch(service: Service, call: Call) -> Any:
    batch = outbound.batch(call.body, service.account.settings.max_batch)
    return _batch_answer(service.account.send_batch(batch, call.now))


def _send_unique(service: Service, call: Call) -> Any:
    batch = outbound.unique(call.body, service.account.settings.max_batch)
    return _batch_answer(service.account.send_batch(batch, call.now))


def _schedule_batch(service: Service, call: Call) -> Any:
    batch = outbound.batch(call.body, service.account.settings.max_batch)
    at = read_schedule(batch[0].fields, call.now)
    return _batch_answer(service.account.schedule(batch, at, call.now, batch=True).id)


def _get_batch(service: Service, call: Call) -> Any:
    messages = service.account.batch(call.path["batchid"], call.now)
    if not messages:
        raise complaint("There is no batch of that ID.", 404)
    return _records(service, messages)


def _cancel_batch(service: Service, call: Call) -> Any:
    # The API answers with `messageid`, though it is the batch's.
    job = service.account.cancel(call.path["batchid"], call.now, batch=True)
    return {"messageid": job.id, "status": job.status}


def _send_otp(service: Service, call: Call) -> Any:
    fields = OTP.read(call.body)
    account, passcodes = service.account, service.passcodes
    length = fields.get("length", DEFAULT_LENGTH)
    digits = fields.get("passcode") or passcodes.make(length, account.settings.seed)
    content = fields.get("template", DEFAULT_TEMPLATE).replace(PASSCODE, digits)
    order = outbound.single(
        {"sender": fields["sender"], "destination": fields["destination"], "content": content}
    )
    message = account.send(order, call.now)
    passcodes.add(
        Passcode(
            message_id=message.message_id,
            destination=message.destination,
            passcode=digits,
            validity=fields.get("validity", DEFAULT_VALIDITY),
            created=call.now,
            modified=call.now,
            metadata=fields.get("metadata", {}),
        )
    )
    return {**_sent(service, message), "messageparts": measure(content).segments}


def _verify_otp(service: Service, call: Call) -> Any:
    passcode = service.passcodes.verify(VERIFY.read(call.body)["passcode"], call.now)
    return _passcode(service, passcode, call)


def _get_otp(service: Service, call: Call) -> Any:
    return _passcode(service, service.passcodes.get(call.path["messageid"]), call)


def _passcode(service: Service, passcode: Passcode | None, call: Call) -> Any:
    if passcode is None:
        raise complaint("There is no such passcode, or it is no longer valid.", 404)
    return passcode_record(passcode, call.now, service.account.settings.storage.clock_skew)


def _balance(service: Service, _call: Call) -> Any:
    return {"credits": plain(service.account.credits)}


def _cost(_service: Service, call: Call) -> Any:
    code = call.path["countrycode"].upper()
    if code not in COUNTRIES:
        raise complaint("There is no country of that code.", 404)
    credits = 1.0 if code in UK else float(outbound.ABROAD)
    return {"code": code, "country": COUNTRIES[code], "credits": plain(credits)}


def _test(service: Service, _call: Call) -> Any:
    return {"message": service.account.settings.customer_id}


def _error(_service: Service, call: Call) -> Any:
    code = call.path["errorcode"]
    row = int(code) if code.isascii() and code.isdigit() and len(code) == 4 else 0
    raise refusal(row) if row in CODES else complaint("There is no error of that code.")


OPERATIONS = (
    Operation("POST", "/auth/token", _token, form=LOGIN, open=True),
    Operation("POST", "/message/send", _send, 201, MESSAGE),
    Operation("POST", "/message/flash", _flash, 201, MESSAGE),
    Operation("POST", "/binary/send", _send_binary, 201, BINARY),
    Operation("POST", "/message/schedule", _schedule, form=MESSAGE),
    Operation("POST", "/messages", _search, form=QUERY),
    Operation("POST", "/messages/inbox", _inbox, form=QUERY),
    Operation("POST", "/messages/failed", _failed, form=QUERY),
    Operation("GET", "/messages/schedule", _scheduled),
    Operation("DELETE", "/messages/schedule/{messageid}", _cancel),
    Operation("GET", "/messages/volume", _volume),
    Operation("GET", "/messages/{messageid}", _get),
    Operation("DELETE", "/messages/{messageid}", _delete),
    Operation("POST", "/batch/send", _send_batch, 201, BATCH),
    Operation("POST", "/batch/any", _send_unique, 201, MESSAGE),
    Operation("POST", "/batch/schedule", _schedule_batch, 201, BATCH),
    Operation("GET", "/batch/{batchid}", _get_batch),
    Operation("DELETE", "/batches/schedule/{batchid}", _cancel_batch),
    Operation("POST", "/otp/send", _send_otp, 201, OTP),
    Operation("POST", "/otp/verify", _verify_otp, form=VERIFY),
    Operation("GET", "/otp/{messageid}", _get_otp),
    Operation("GET", "/credits/balance", _balance),
    Operation("GET", "/credits/{countrycode}", _cost),
    Operation("GET", "/utils/test", _test),
    Operation("GET", "/utils/errors/{errorcode}", _error),
)


def methods_of(path: str) -> list[str]:
    """Return the methods that a path below `/v1` has, in their order; none where it is unknown."""
    return sorted({operation.method for operation in OPERATIONS if operation.serves(path)})
