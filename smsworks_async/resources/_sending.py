"""Sending of single messages: text, binary and flash messages, at once or scheduled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from smsworks_async._http.operations import Operation
from smsworks_async.models import checks
from smsworks_async.models.incoming import Acknowledgement, SentMessage
from smsworks_async.models.outgoing import BinaryMessage, Message, ScheduledOne
from smsworks_async.resources._base import Resource
from smsworks_async.resources._calls import Call, KeyedBy, OnUnknown, Send
from smsworks_async.resources._opted_out import check_opt_outs


T = TypeVar("T")

_SEND: Final = Send("messages.send", Operation("POST", "/message/send", body=Message), SentMessage)
_BINARY: Final = Send(
    "messages.send_binary", Operation("POST", "/binary/send", body=BinaryMessage), SentMessage
)
_FLASH: Final = Send(
    "messages.flash", Operation("POST", "/message/flash", body=Message), SentMessage
)
_SCHEDULE: Final = Send(
    "messages.schedule", Operation("POST", "/message/schedule", body=ScheduledOne), Acknowledgement
)


class MessageSending(Resource):
    """The methods of `AsyncMessages` that send."""

    async def send(
        self,
        *,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> SentMessage:
        """Send one text to one recipient.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for the delivery report, instead of the account's.
            ttl: minutes until the delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary;
                default: the account's setting.
            metadata: strings to store with the message, by key.
            reference: your own reference, such as an order number, 1 to 200 printable characters.
                It is stored in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.
            respect_opt_outs: raise `OptedOut` if the recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: the recipient has opted out (with `respect_opt_outs`); nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the request; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the message may have been accepted; it was not sent again. `find` can
                search for its `reference`. With a key it is safe to repeat the call, which
                searches for the message first.
        """
        message = Message(
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._send(_SEND, message, respect_opt_outs, keyed)

    async def send_binary(
        self,
        *,
        data: bytes,
        sender: str,
        destination: str | int,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> SentMessage:
        """Send bytes to one recipient, as a binary message.

        It needs version 1.11.0 of the API.

        Args:
            data: the bytes to send, 1 to 427; one SMS holds 140.
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for the delivery report, instead of the account's.
            ttl: minutes until the delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            metadata: strings to store with the message, by key.
            reference: your own reference, such as an order number, 1 to 200 printable characters.
                It is stored in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.
            respect_opt_outs: raise `OptedOut` if the recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: the recipient has opted out (with `respect_opt_outs`); nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the request; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the message may have been accepted; it was not sent again. `find` can
                search for its `reference`. With a key it is safe to repeat the call, which
                searches for the message first.
        """
        message = BinaryMessage(
            data=data,
            sender=sender,
            destination=self._destination(destination),
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._send(_BINARY, message, respect_opt_outs, keyed)

    async def flash(
        self,
        *,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> SentMessage:
        """Send a flash message, which appears on the lock screen.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for the delivery report, instead of the account's.
            ttl: minutes until the delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary;
                default: the account's setting.
            metadata: strings to store with the message, by key.
            reference: your own reference, such as an order number, 1 to 200 printable characters.
                It is stored in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.
            respect_opt_outs: raise `OptedOut` if the recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: the recipient has opted out (with `respect_opt_outs`); nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the request; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the message may have been accepted; it was not sent again. `find` can
                search for its `reference`. With a key it is safe to repeat the call, which
                searches for the message first.
        """
        message = Message(
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._send(_FLASH, message, respect_opt_outs, keyed)

    async def schedule(
        self,
        *,
        at: datetime,
        sender: str,
        destination: str | int,
        content: str,
        tag: str | None = None,
        delivery_report_url: str | None = None,
        ttl: int | None = None,
        validity: int | None = None,
        ai: bool | None = None,
        metadata: Mapping[str, str] | None = None,
        reference: str | None = None,
        response_email: Iterable[str] | None = None,
        respect_opt_outs: bool = False,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> Acknowledgement:
        """Schedule one text to one recipient.

        Args:
            at: when to send it: an aware datetime, at most 60 seconds in the past.
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            content: the text, 1 to 1280 UTF-16 units.
            tag: a label for searches, at most 280 characters.
            delivery_report_url: the URL for the delivery report, instead of the account's.
            ttl: minutes until the delivery report is deleted, at least 1; default three months.
            validity: minutes for which delivery is attempted, 1 to 2880; default 2880.
            ai: whether the provider may reword a text that is slightly over a credit boundary;
                default: the account's setting.
            metadata: strings to store with the message, by key.
            reference: your own reference, such as an order number, 1 to 200 printable characters.
                It is stored in the metadata, and `find` searches for it.
            response_email: addresses to which replies are forwarded; needs a reply number.
            respect_opt_outs: raise `OptedOut` if the recipient has opted out, according to the
                client's `opt_outs` or `journal` (default False, for non-marketing messages).
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown and the
                API shows no trace of it: ``"report"`` (the default) raises `OutcomeUnknown`;
                ``"resend"`` sends again, after waiting until the earlier request cannot arrive any
                more.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            OptedOut: the recipient has opted out (with `respect_opt_outs`); nothing was sent.
            ConfigurationError: `respect_opt_outs` is set and the client has no opt-out list, or
                `idempotency_key` is set and it has no journal; nothing was sent.
            JournalError: the opt-out list or the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the request; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the message may have been accepted; it was not sent again. `find` can
                search for its `reference`. With a key it is safe to repeat the call, which
                searches for the message first.
        """
        message = ScheduledOne(
            at=at,
            sender=sender,
            destination=self._destination(destination),
            content=content,
            tag=tag,
            delivery_report_url=delivery_report_url,
            ttl=ttl,
            validity=validity,
            ai=ai,
            metadata=metadata,
            reference=reference,
            response_email=response_email,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._send(_SCHEDULE, message, respect_opt_outs, keyed)

    async def _send(
        self,
        send: Send[T],
        message: Message | BinaryMessage,
        respect_opt_outs: object,
        keyed: KeyedBy,
    ) -> T:
        async def check() -> None:
            if isinstance(message, ScheduledOne):
                checks.schedule(message.at)
            to = (message.destination,)
            await check_opt_outs(self._kept, to, respect_opt_outs, "destination")

        is_checked = respect_opt_outs is not False or isinstance(message, ScheduledOne)
        call = Call(send, (message,), check if is_checked else None)
        return await self._make(call, keyed)
