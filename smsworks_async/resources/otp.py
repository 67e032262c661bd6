"""One-time passwords: send a passcode, and verify the one that somebody typed."""

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
        """Send a one-time password, generated or your own.

        Args:
            sender: the sender ID: 3 to 11 ASCII letters and digits, or 3 to 15 digits.
            destination: the recipient's number, in any usual spelling.
            length: digits of the generated passcode, 1 or more; 6 by default.
            template: the text, 1 to 1280 UTF-16 units, with ``{{passcode}}`` where the passcode
                goes; the provider's own text by default.
            validity: **seconds** for which the passcode can be verified, 1 or more; the provider's
                own limit by default.
            passcode: your own passcode, instead of a generated one.
            metadata: a JSON object of at most 1024 bytes, returned when the passcode is verified.
            idempotency_key: your own name for this call, 1 to 100 printable characters, such as an
                order's number: made again with it, here or in another process that has the
                client's `journal`, the call returns the first one's answer and sends nothing.
            on_unknown: with a key, what becomes of a call whose outcome is unknown, and of which no
                trace is found: ``"report"`` (the default) raises `OutcomeUnknown`; ``"resend"``
                sends it again after waits that outlast the earlier one. One passcode cannot be told
                from another, so that a lost one is never found: a new key asks for a new one.

        Raises:
            ValidationError: a field is not as the API wants it; nothing was sent.
            ConfigurationError: with a key, where the client has no journal; nothing was sent.
            JournalError: with a key, where the journal cannot be read; nothing was sent.
            KeyInUse: another call with this key is being made; this one sent nothing.
            APIError: the API refused; nothing was sent.
            NotSent: nothing left this machine.
            OutcomeUnknown: it may have been accepted; it was not repeated.
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

        The API takes the passcode alone, for the whole account, so that somebody else's passcode
        would verify too. Here one that was sent to another number does not. The API has used it up
        all the same: its owner needs a new one, so limit how often somebody may try.

        Args:
            passcode: what was typed, with its leading zeros. Blanks and dashes around and between
                digits, and the width or script of digits, do not matter; where the API does not
                know the digits alone, they are verified as they were typed, too.
            destination: the number that it was sent to, in any usual spelling.

        Raises:
            ValidationError: the passcode is blank, or no text; nothing was asked.
            NotFound: there is no such passcode for this destination, or it has expired.
            OutcomeUnknown: the answer was lost, and the passcode may have been used up.
        """
        number = self._destination(destination)
        request, record = await self._first_known(typed_passcodes(passcode))
        # Without a number in the answer there is nothing to go by, so that it does not verify.
        if record.status != "VERIFIED" or phone.digits_of(record.destination) != number:
            raise NotFound(
                "this passcode has expired, or was not sent to this destination; it is used up",
                status=404,
            )
        # The API answers with a number, which has lost its leading zeros.
        return attrs.evolve(record, passcode=request.passcode)

    async def _first_known(self, passcodes: tuple[str, ...]) -> tuple[PasscodeToVerify, OTPRecord]:
        """Verify the first passcode that the API knows; one that it does not know changes nothing.

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
            NotFound: there is no such one.
        """
        return await self._on(_GET, message_id, OTPRecord, "message_id")
