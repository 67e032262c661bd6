"""The handlers of the API's operations.

Each takes the sandbox's state and a request, and returns a value for the JSON response, or raises a
`Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import outbound, queries
from .codes import CODES, complaint, refusal
from .countries import COUNTRIES
from .dropped import DAY
from .passcodes import DEFAULT_LENGTH, DEFAULT_TEMPLATE, DEFAULT_VALIDITY
from .records import (
    FAILED_STATUSES,
    Message,
    Passcode,
    job_record,
    message_record,
    passcode_record,
    plain,
)
from .schemas import LOGIN, OTP, PASSCODE, QUERY, VERIFY, read_schedule
from .segments import measure


if TYPE_CHECKING:
    from collections.abc import Mapping

    from .state import State


#: The countries whose mobile numbers count as UK numbers.
UK = frozenset({"GB", "GG", "IM", "JE"})


class Request(NamedTuple):
    """One request: its body, or None; the parameters in its path; and its time."""

    body: Any
    path: Mapping[str, str]
    now: float


def log_in(state: State, request: Request) -> Any:
    """Return the token for a customer's key and secret."""
    fields = LOGIN.parse(request.body)
    return {"token": state.credentials.log_in(fields)}


def _sent(state: State, message: Message) -> dict[str, Any]:
    return {
        "messageid": message.message_id,
        "status": message.status,
        "credits": plain(state.account.credits),
        "creditsUsed": plain(message.credits),
    }


def send(state: State, request: Request) -> Any:
    """Send one message."""
    return _sent(state, state.account.send(outbound.single(request.body), request.now))


def send_flash(state: State, request: Request) -> Any:
    """Send one flash message."""
    return _sent(state, state.account.send(outbound.single(request.body, flash=True), request.now))


def send_binary(state: State, request: Request) -> Any:
    """Send one binary message."""
    return _sent(state, state.account.send(outbound.single(request.body, binary=True), request.now))


def schedule(state: State, request: Request) -> Any:
    """Schedule one message."""
    message = outbound.single(request.body)
    at = read_schedule(message.fields, request.now)
    job = state.account.schedule([message], at, request.now, batch=False)
    return [{"messageid": job.id, "status": job.status}]


def cancel(state: State, request: Request) -> Any:
    """Cancel a scheduled message."""
    job = state.account.cancel(request.path["messageid"], request.now, batch=False)
    return {"messageid": job.id, "status": job.status}


def scheduled(state: State, request: Request) -> Any:
    """List the scheduled messages and batches."""
    return [job_record(job) for job in queries.list_scheduled(state.account, request.now)]


def _records(state: State, messages: list[Message]) -> list[dict[str, Any]]:
    return [message_record(message, state.account.settings) for message in messages]


def search(state: State, request: Request) -> Any:
    """Search messages."""
    query = QUERY.check_types(request.body)
    return _records(state, queries.search(state.account, query, request.now))


def failed(state: State, request: Request) -> Any:
    """Search messages that failed."""
    query = {**QUERY.check_types(request.body), "among": FAILED_STATUSES}
    return _records(state, queries.search(state.account, query, request.now))


def inbox(state: State, request: Request) -> Any:
    """Return unread incoming messages, and mark them as read."""
    query = QUERY.check_types(request.body)
    return _records(state, queries.read_inbox(state.account, query, request.now))


def volume(state: State, request: Request) -> Any:
    """Count the messages sent since midnight UTC."""
    return {"volume": queries.count_sent(state.account, request.now - request.now % DAY)}


def _message(state: State, request: Request) -> Message:
    message = queries.get_message(state.account, request.path["messageid"], request.now)
    if message is None:
        raise refusal(4008)
    return message


def get_message(state: State, request: Request) -> Any:
    """Return a message's record."""
    return message_record(_message(state, request), state.account.settings)


def delete_message(state: State, request: Request) -> Any:
    """Delete a message's record."""
    message = _message(state, request)
    state.account.forget(message, request.now)
    return {"messageid": message.message_id, "status": "DELETED"}


def _batch_answer(batch_id: str) -> dict[str, Any]:
    # The API returns SCHEDULED also for a batch that is sent immediately.
    return {"batchid": batch_id, "status": "SCHEDULED"}


def send_batch(state: State, request: Request) -> Any:
    """Send one text to many recipients."""
    batch = outbound.batch(request.body, state.account.settings.max_batch)
    return _batch_answer(state.account.send_batch(batch, request.now))


def send_unique(state: State, request: Request) -> Any:
    """Send many unique messages."""
    batch = outbound.unique(request.body, state.account.settings.max_batch)
    return _batch_answer(state.account.send_batch(batch, request.now))


def schedule_batch(state: State, request: Request) -> Any:
    """Schedule one text to many recipients."""
    batch = outbound.batch(request.body, state.account.settings.max_batch)
    at = read_schedule(batch[0].fields, request.now)
    return _batch_answer(state.account.schedule(batch, at, request.now, batch=True).id)


def get_batch(state: State, request: Request) -> Any:
    """Return the records of a batch."""
    messages = queries.get_batch(state.account, request.path["batchid"], request.now)
    if not messages:
        raise complaint("There is no batch with that ID.", 404)
    return _records(state, messages)


def cancel_batch(state: State, request: Request) -> Any:
    """Cancel a scheduled batch."""
    # The API calls the batch's id `messageid` here.
    job = state.account.cancel(request.path["batchid"], request.now, batch=True)
    return {"messageid": job.id, "status": job.status}


def send_otp(state: State, request: Request) -> Any:
    """Send a one-time passcode."""
    fields = OTP.parse(request.body)
    account, passcodes = state.account, state.passcodes
    length = fields.get("length", DEFAULT_LENGTH)
    digits = fields.get("passcode") or passcodes.make(length, account.settings.seed)
    content = fields.get("template", DEFAULT_TEMPLATE).replace(PASSCODE, digits)
    text = outbound.single(
        {"sender": fields["sender"], "destination": fields["destination"], "content": content}
    )
    message = account.send(text, request.now)
    passcodes.add(
        Passcode(
            message_id=message.message_id,
            destination=message.destination,
            passcode=digits,
            validity=fields.get("validity", DEFAULT_VALIDITY),
            created=request.now,
            modified=request.now,
            metadata=fields.get("metadata", {}),
        )
    )
    return {**_sent(state, message), "messageparts": measure(content).segments}


def verify_otp(state: State, request: Request) -> Any:
    """Verify a one-time passcode."""
    passcode = state.passcodes.verify(VERIFY.parse(request.body)["passcode"], request.now)
    return _passcode(state, passcode, request)


def get_otp(state: State, request: Request) -> Any:
    """Return a one-time passcode."""
    return _passcode(state, state.passcodes.get(request.path["messageid"]), request)


def _passcode(state: State, passcode: Passcode | None, request: Request) -> Any:
    if passcode is None:
        raise complaint("There is no such passcode, or it is no longer valid.", 404)
    return passcode_record(passcode, request.now, state.account.settings.storage.clock_skew)


def balance(state: State, _request: Request) -> Any:
    """Return the credits left."""
    return {"credits": plain(state.account.credits)}


def cost(_state: State, request: Request) -> Any:
    """Return the credits for a message to a country."""
    code = request.path["countrycode"].upper()
    if code not in COUNTRIES:
        raise complaint("There is no country with that code.", 404)
    credits = 1.0 if code in UK else float(outbound.INTERNATIONAL_FACTOR)
    return {"code": code, "country": COUNTRIES[code], "credits": plain(credits)}


def customer(state: State, _request: Request) -> Any:
    """Return the customer id; a valid token is required."""
    return {"message": state.account.settings.customer_id}


def sample_error(_state: State, request: Request) -> Any:
    """Respond with the error object of a code."""
    code = request.path["errorcode"]
    row = int(code) if code.isascii() and code.isdigit() and len(code) == 4 else 0
    raise refusal(row) if row in CODES else complaint("There is no error with that code.")
