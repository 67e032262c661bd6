import io

import pytest

from support.wire import MESSAGE, UNSET, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


@pytest.mark.parametrize("token", [None, "", "JWT", "JWT eyJ.no", "short", "bearer", "JWT \u00e9"])
async def test_only_the_token_is_let_in(api, token):
    given = {
        "short": api.box.token[:-1],
        "bearer": api.box.token.replace("JWT", "Bearer"),
    }.get(token, token)
    status, answer = await api.post("/message/send", MESSAGE, token=given)
    assert status == 401
    assert answer == {
        "message": "The caller is not authenticated.",
        "errorCode": 4011,
        "status": "FAILED",
        "permanent": True,
    }
    assert api.box.accepted() == 0


async def test_logging_in_answers_the_token(api):
    login = {"customerid": api.box.customer_id, "key": api.box.key, "secret": api.box.secret}
    status, answer = await api.post("/auth/token", login, token=None)
    assert (status, answer) == (200, {"token": api.box.token})
    assert api.box.token.startswith("JWT eyJ")
    status, answer = await api.post("/auth/token", {**login, "secret": "other"}, token=None)
    assert (status, answer["errorCode"]) == (401, 4011)


async def test_a_rotated_token_kills_the_older_one(api):
    old = api.box.token
    new = api.box.rotate_token()
    assert new != old
    assert (await api.get("/credits/balance", token=old))[0] == 401
    assert (await api.get("/credits/balance", token=new))[0] == 200
    login = {"customerid": api.box.customer_id, "key": api.box.key, "secret": api.box.secret}
    assert (await api.post("/auth/token", login))[1] == {"token": new}


async def test_a_token_may_be_chosen():
    async with sandbox(token="JWT eyJ.my.own") as api:
        assert (await api.get("/utils/test", token="JWT eyJ.my.own"))[0] == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
        ({"large": 10_000_000, "headers": {"Content-Type": "application/json"}}, 413),
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"json": []}, 400),
        ({"json": "text"}, 400),
        ({"data": b"null", "headers": {"Content-Type": "application/json"}}, 400),
        ({}, 415),
    ],
)
@pytest.mark.parametrize("path", ["/message/send", "/batch/send", "/messages", "/otp/verify"])
async def test_bad_input_is_answered_with_a_4xx(api, path, options, status):
    if "large" in options:
        options = {**options, "data": io.BytesIO(b" " * options["large"])}
        del options["large"]
    answered, answer = await api.post(path, **options)
    assert answered == status
    assert answer["message"]
    assert api.box.accepted() == 0


async def test_a_text_of_halves_of_pairs_may_be_too_long(api):
    status, answer = await api.post("/message/send", {**MESSAGE, "content": "\ud83d" * 1281})
    assert (status, answer["errorCode"]) == (400, 4002)


async def test_a_body_that_cannot_be_unpacked_is_answered_with_a_4xx(api):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    url = f"{api.box.base_url}/message/send"
    headers["Authorization"] = api.box.token
    async with api.session.post(url, data=b"no gzip", headers=headers) as response:
        assert 400 <= response.status < 500


async def test_half_a_surrogate_pair_is_taken_and_given_back(api):
    sent = await api.send(content="\ud83d")
    assert (await api.record(sent["messageid"]))["content"] == "\ud83d"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("GET", "/message"), ("PUT", "/messages/1/2"), ("POST", "/")],
)
async def test_what_is_not_there_is_a_404_with_a_bare_message(api, method, path):
    status, answer = await api.call(method, path, {} if method == "POST" else UNSET)
    assert status == 404
    assert answer.keys() == {"message"}


@pytest.mark.parametrize(("code", "status"), [(4003, 400), (4011, 401), (4034, 403), (5034, 400)])
async def test_every_code_has_a_sample_at_its_own_http_status(api, code, status):
    answered, answer = await api.get(f"/utils/errors/{code}")
    assert (answered, answer["errorCode"]) == (status, code)
    assert isinstance(answer["status"], str)


@pytest.mark.parametrize("code", ["4999", "abc", "-1", "1" * 5000])
async def test_a_code_that_does_not_exist_has_a_bare_message(api, code):
    status, answer = await api.get(f"/utils/errors/{code}")
    assert (status, list(answer)) == (400, ["message"])
