"""Passcodes as people type them, and as they were sent."""

from __future__ import annotations

import pytest

from smsworks_async import NotFound, ValidationError
from smsworks_async.models.otp import typed_passcodes
from support.messages import NUMBER


OTP = {"sender": "AcmeCorp", "destination": "07700 900123"}


@pytest.mark.parametrize(
    "typed",
    [
        "012345",
        " 012 345\n",
        "012-345",
        "012\u2013345",
        "012\u2212345",
        "\uff10\uff11\uff12\uff13\uff14\uff15",
        "\u0660\u0661\u0662\u0663\u0664\u0665",
        "\u200e012345\u200b",
        "0 1 2 3 4 5",
        "012\u00a0345",
    ],
)
async def test_verify_reads_a_passcode_as_a_person_means_it(sms, box, typed):
    await sms.otp.send(**OTP, passcode="012345")
    record = await sms.otp.verify(passcode=typed, destination=NUMBER)
    assert record.passcode == "012345"
    assert [r.path for r in box.requests].count("/otp/verify") == 1


@pytest.mark.parametrize("chosen", ["12-34", "ab cd", "AB-12", "00ab", "\u0660\u0661\u0662\u0663"])
async def test_otp_send_and_verify_take_a_passcode_of_the_callers_own_as_it_is(sms, box, chosen):
    await sms.otp.send(**OTP, passcode=chosen)
    assert chosen in box.messages[0].content
    record = await sms.otp.verify(passcode=f" {chosen} ", destination=NUMBER)
    assert record.passcode == chosen


async def test_verify_asks_once_for_digits_alone(sms, box):
    with pytest.raises(NotFound):
        await sms.otp.verify(passcode="000000", destination=NUMBER)
    assert [r.path for r in box.requests].count("/otp/verify") == 1


@pytest.mark.parametrize("typed", ["", "  ", "\u200b", 12345, None, b"012345"])
async def test_verify_refuses_what_is_no_passcode_before_the_wire(sms, box, typed):
    with pytest.raises(ValidationError) as caught:
        await sms.otp.verify(passcode=typed, destination=NUMBER)
    assert caught.value.field == "passcode"
    assert not box.requests


def test_typed_passcodes_keep_the_case_of_letters():
    assert typed_passcodes(" aB-3 ") == ("aB-3",)
