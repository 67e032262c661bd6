import pytest

from support.wire import sandbox


OTP = {"sender": "AcmeCorp", "destination": "07700900123"}


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def test_a_passcode_is_sent_and_verified_once(api):
    status, sent = await api.post("/otp/send", {**OTP, "metadata": {"cart": "7"}})
    assert status == 201
    assert sent == {
        "messageid": sent["messageid"],
        "status": "SENT",
        "credits": 9999,
        "creditsUsed": 1,
        "messageparts": 1,
    }
    digits = api.box.messages[0].content.split()[-1]
    assert len(digits) == 6
    assert digits.isdigit()
    await api.box.advance(60)
    status, verified = await api.post("/otp/verify", {"passcode": digits})
    assert status == 200
    assert verified == {
        "messageid": sent["messageid"],
        "destination": "447700900123",
        "status": "VERIFIED",
        "passcode": int(digits),
        "validity": 300,
        "metadata": {"cart": "7"},
        "created": "Wed Jul 01 2026 13:00:00 GMT+0100 (British Summer Time)",
        "expires": "Wed Jul 01 2026 13:05:00 GMT+0100 (British Summer Time)",
        "modified": "Wed Jul 01 2026 13:01:00 GMT+0100 (British Summer Time)",
    }
    assert await api.get(f"/otp/{sent['messageid']}") == (200, verified)
    status, answer = await api.post("/otp/verify", {"passcode": digits})
    assert (status, list(answer)) == (404, ["message"])


async def test_a_passcode_of_ones_own_is_kept_and_loses_its_zeros_only_in_answers(api):
    body = {**OTP, "passcode": "001234", "template": "Code: {{passcode}}!", "validity": 10}
    _, sent = await api.post("/otp/send", body)
    assert api.box.messages[0].content == "Code: 001234!"
    assert (await api.get(f"/otp/{sent['messageid']}"))[1]["status"] == "SENT"
    assert (await api.post("/otp/verify", {"passcode": "1234"}))[0] == 404
    _, verified = await api.post("/otp/verify", {"passcode": "001234"})
    assert verified["passcode"] == 1234


async def test_letters_stay_letters(api):
    _, sent = await api.post("/otp/send", {**OTP, "passcode": "00ab"})
    assert (await api.get(f"/otp/{sent['messageid']}"))[1]["passcode"] == "00ab"


async def test_a_passcode_expires(api):
    _, sent = await api.post("/otp/send", {**OTP, "passcode": "4711", "validity": 10})
    await api.box.advance(10)
    assert (await api.post("/otp/verify", {"passcode": "4711"}))[0] == 404
    assert (await api.get(f"/otp/{sent['messageid']}"))[1]["status"] == "EXPIRED"


async def test_of_two_alike_the_newest_that_waits_is_verified(api):
    for number in ("447700900123", "447700900124"):
        await api.post("/otp/send", {**OTP, "destination": number, "passcode": "4711"})
    for number in ("447700900124", "447700900123"):
        _, verified = await api.post("/otp/verify", {"passcode": "4711"})
        assert verified["destination"] == number


async def test_a_length_is_kept_and_no_two_passcodes_in_a_row_are_alike(api):
    for _ in range(2):
        assert (await api.post("/otp/send", {**OTP, "length": 10}))[0] == 201
    first, second = (message.content.split()[-1] for message in api.box.messages)
    assert len(first) == len(second) == 10
    assert first != second


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"template": "no place for it"}, None),
        ({"length": {}}, None),
        ({"validity": 0}, None),
        ({"passcode": 1234}, None),
        ({"passcode": ""}, None),
        ({"metadata": {"a": "x" * 2000}}, None),
        ({"destination": "7700900123"}, 4004),
        ({"sender": "A"}, 4003),
        ({"template": "a" * 1280 + "{{passcode}}"}, 4002),
    ],
)
async def test_a_passcode_that_cannot_be_sent_is_refused(api, change, code):
    status, answer = await api.post("/otp/send", {**OTP, **change})
    assert (status, answer.get("errorCode")) == (400, code)
    assert api.box.messages == []


async def test_an_unknown_passcode_is_a_404(api):
    assert (await api.get("/otp/1"))[0] == 404
    assert (await api.post("/otp/verify", {"passcode": "1"}))[0] == 404
    assert (await api.post("/otp/verify", {"passcode": 1}))[0] == 400
