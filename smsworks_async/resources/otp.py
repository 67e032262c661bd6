"""One-time passwords: send a passcode, and verify what a user typed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import attrs

from smsworks_async import phone
from smsworks_async._http.operations import Operation
from smsworks_async.errors import NotFound
from smsworks_async.models.incoming import OTPRecord, SentOTP
from smsworks_async.models.otp import OTPRequest, PasscodeToVerify, typed_passcodes
from smsworks_async.resources._base import Resource
from smsworks_async.resources._calls import Call, KeyedBy, OnUnknown, Send


_SEND: Final = Send(
    "otp.send", Operation("POST", "/otp/send", passcodes=True, body=OTPRequest), SentOTP
)
_VERIFY: Final = Operation("POST", "/otp/verify", passcodes=True, body=PasscodeToVerify)
_GET: Final = Operation("GET", "/otp/{}", repeatable=True, passcodes=True)


class AsyncOTP(Resource):
    """One-time passwords."""

    async def send(
        self,
        *,
        sender: str,
        destination: str | int,
        length: int | None = None,
        template: str | None = None,
        validity: int | None = None,
        passcode: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> SentOTP:
        """Send a one-time password, either generated or your own.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            length: the number of digits of a generated passcode, at least 1; default 6.
            template: the text, 1 to 1280 UTF-16 units, with ``{{passcode}}`` for the passcode;
                default: the provider's text.
            validity: **seconds** for which the passcode is valid, at least 1; default: the
                provider's limit.
            passcode: your own passcode, instead of a generated one.
            metadata: a JSON object of at most 1024 bytes, returned when the passcode is verified.
            idempotency_key: your own key for this call, such as an order number, 1 to 100 printable
                characters. If the call is repeated with the key, here or in another process with
                the same `journal`, it returns the first call's response and sends nothing.
            on_unknown: with a key, what to do if the outcome of the earlier call is unknown:
                ``"report"`` (the default) raises `OutcomeUnknown`; ``"resend"`` sends again, after
                waiting until the earlier request cannot arrive any more. The API cannot search for
                a passcode, so the earlier one is never found; use a new key to send a new passcode.

        Raises:
            ValidationError: a field is invalid; nothing was sent.
            ConfigurationError: `idempotency_key` is set and the client has no journal; nothing was
                sent.
            JournalError: the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is in progress; this call sent nothing.
            APIError: the API rejected the request; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: the passcode may have been sent; it was not sent again.
        """
        request = OTPRequest(
            sender=sender,
            destination=self._destination(destination),
            length=length,
            template=template,
            validity=validity,
            passcode=passcode,
            metadata=metadata,
        )
        keyed = KeyedBy(idempotency_key, on_unknown)
        return await self._make(Call(_SEND, (request,), None), keyed)

    async def verify(self, *, passcode: str, destination: str | int) -> OTPRecord:
        """Verify a passcode that was sent to this destination; return only if it is valid.

        The API verifies a passcode for the whole account, without the number, so another user's
        passcode would pass. This method also compares the number. The API still marks such a
        passcode as used, and its owner needs a new one, so limit the attempts of each user.

        Args:
            passcode: the typed passcode, with its leading zeros. Blanks and dashes around and
                between digits, and the width or script of digits, are ignored; if the API does not
                know the digits, the passcode is also tried as it was typed.
            destination: the number to which it was sent, in any usual spelling.

        Raises:
            ValidationError: the passcode is blank, or not a string; no request was made.
            NotFound: the passcode does not exist for this destination, or has expired.
            OutcomeUnknown: the response was lost, and the passcode may have been used up.
        """
        number = self._destination(destination)
        request, record = await self._first_known(typed_passcodes(passcode))
        # A response without a number cannot be compared, so it does not verify.
        if record.status != "VERIFIED" or phone.digits_of(record.destination) != number:
            raise NotFound(
                "this passcode has expired, or was not sent to this destination; it is used up",
                status=404,
            )
        # The API returns a JSON number, which has lost its leading zeros.
        return attrs.evolve(record, passcode=request.passcode)

    async def _first_known(self, passcodes: tuple[str, ...]) -> tuple[PasscodeToVerify, OTPRecord]:
        """Verify the first passcode that the API knows; unknown ones change nothing there.

        Raises:
            NotFound: it knows none of them.
        """
        *others, last = passcodes
        for passcode in others:
            request = PasscodeToVerify(passcode=passcode)
            with suppress(NotFound):
                return request, await self._requester.request(_VERIFY, request, into=OTPRecord)
        request = PasscodeToVerify(passcode=last)
        return request, await self._requester.request(_VERIFY, request, into=OTPRecord)

    async def get(self, message_id: str) -> OTPRecord:
        """Return the record of a one-time password.

        Args:
            message_id: the id of its message.

        Raises:
            NotFound: it does not exist.
        """
        return await self._on(_GET, message_id, OTPRecord, "message_id")
