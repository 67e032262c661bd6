"""Logs, errors, notes and tracebacks contain no tokens, texts or complete numbers."""

from __future__ import annotations

import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async import AsyncSMSWorks, SMSWorksError
from smsworks_async._redaction import redact
from smsworks_async.sandbox import Fault
from support.sandboxes import AT_ONCE


SECRET = "My very secret text"
ECHO = (
    '{"message": "Refused \'My very secret text\' to 447700900123, +44 7700 900123, '
    '(07700) 900-123; token %s", "errorCode": 5002, "status": "FAILED", "permanent": false}'
)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400},
        {"status": 429},
        {"status": 503},
        {"status": 200},
        {"when": "after", "status": 201},
        {"when": "mid"},
        {"when": "before"},
    ],
)
async def test_redaction_keeps_secrets_that_a_server_echoes_out_of_logs_and_errors(
    box, caplog, fault
):
    caplog.set_level(logging.DEBUG)
    echo = ECHO % box.token
    body = {} if fault.get("when") in {"mid", "before"} else {"body": echo}
    box.add_fault(Fault(path="*", times=0, **fault, **body))
    message = {"sender": "AcmeCorp", "destination": "07700 900123", "content": SECRET}
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        with pytest.raises(SMSWorksError) as caught:
            await sms.messages.send(**message)
    ours = [record for record in caplog.records if record.name.startswith("smsworks_async")]
    told = "".join(
        [
            "".join(traceback.format_exception_only(caught.value)),
            repr(caught.value),
            repr(caught.value.__cause__),
            str(pickle.dumps(caught.value)),
            *(record.getMessage() for record in ours),
        ]
    )
    for secret in (SECRET, "eyJ", "7700900123", "7700 900123", "900-123"):
        assert secret not in told


async def test_retry_is_logged(box, caplog):
    caplog.set_level(logging.INFO, "smsworks_async")
    box.add_fault(Fault(path="*", status=429))
    async with AsyncSMSWorks(box.token, base_url=box.base_url, retry=AT_ONCE) as sms:
        await sms.credits.balance()
    assert "attempt 1 failed" in caplog.text


@given(st.text(alphabet="0123456789 +-().", min_size=7, max_size=40))
def test_redact_leaves_no_seven_digits_in_a_row(words):
    kept = "".join(character for character in redact(words) if character.isdigit())
    digits = "".join(character for character in words if character.isdigit())
    if len(digits) >= 7 and words.replace(" ", "").isdigit() and "   " not in words:
        assert len(kept) <= 3


@given(st.text())
def test_redact_takes_any_text_and_keeps_it_short(words):
    assert len(redact(words)) <= 301
