"""One-time passwords: send a passcode, and verify the one that somebody typed."""

from __future__ import annotations

from typing import Final, Unpack

import attrs

from smsworks_async import phone
from smsworks_async.answers import Operation
from smsworks_async.errors import NotFound, ValidationError
from smsworks_async.models.checks import made
from smsworks_async.models.incoming import OTPRecord, SentOTP
from smsworks_async.models.outgoing import OTPFields, OTPRequest, PasscodeToVerify
from smsworks_async.resources._base import Resource


_SEND: Final = Operation("POST", "/otp/send")
_VERIFY: Final = Operation("POST", "/otp/verify")
_GET: Final = Operation("GET", "/otp/{}", repeatable=True)


class AsyncOTP(Resource):
    """One-time passwords."""

    async def send(self, **otp: Unpack[OTPFields]) -> SentOTP:
        """Send a passcode, generated or your own.

        Args:
            **otp: ``sender`` and ``destination``, and if you like ``length``, ``template``,
                ``validity`` (seconds), ``passcode`` and ``metadata``; `OTPFields` explains them.

        Raises:
            As `messages.send`.
        """
        return await self._calls.make(_SEND, made(OTPRequest, otp), into=SentOTP)

    async def verify(self, *, passcode: str, destination: str | int) -> OTPRecord:
        """Verify a passcode that was sent to this destination. It answers only if that succeeds.

        The API takes the passcode alone, for the whole account, so that somebody else's passcode
        would verify too. Here one that was sent to another number does not. The API has used it up
        all the same: its owner needs a new one, so limit how often somebody may try.

        Args:
            passcode: what was typed, with its leading zeros.
            destination: the number that it was sent to, in any usual spelling.

        Raises:
            NotFound: there is no such passcode for this destination, or it has expired.
            OutcomeUnknown: the answer was lost, and the passcode may have been used up.
        """
        number = phone.normalise(destination)
        record = await self._calls.make(
            _VERIFY, PasscodeToVerify(passcode=passcode), into=OTPRecord
        )
        if record.status != "VERIFIED" or not _same_number(record.destination, number):
            raise NotFound(
                "this passcode has expired, or was not sent to this destination; it is used up",
                status=404,
            )
        # The API answers with a number, which has lost its leading zeros.
        return attrs.evolve(record, passcode=passcode)

    async def get(self, message_id: str) -> OTPRecord:
        """Look a one-time password up by its message's id.

        Raises:
            NotFound: there is no such one.
        """
        return await self._on(_GET, message_id, OTPRecord, "message_id")


def _same_number(answered: str | None, number: str) -> bool:
    # Without a number in the answer there is nothing to go by, so that it does not verify.
    try:
        return answered is not None and phone.normalise(answered) == number
    except ValidationError:
        return False
