"""The control endpoints for reading: messages, requests, webhooks, faults, the account."""

import aiohttp
import pytest

from support.wire import BATCH, MESSAGE, sandbox


@pytest.fixture
async def api():
    async with sandbox() as wire:
        yield wire


async def messages(api, **query):
    status, answer = await api.get("sandbox/messages", params=query, token=None)
    assert status == 200, answer
    return answer


async def ids(api, **query):
    return [message["id"] for message in (await messages(api, **query))["messages"]]


async def details(api, message_id):
    status, answer = await api.get(f"sandbox/messages/{message_id}", token=None)
    assert status == 200, answer
    return answer


async def test_messages_are_listed_newest_first_with_all_that_the_account_knows(api):
    sent = await api.send(tag="orders", metadata=[{"key": "reference", "value": "order-7"}])
    reply = await api.box.receive(sender="07700900123", to="60777", content="Thanks 😀")
    answer = await messages(api)
    assert (answer["matching"], answer["next"]) == (2, None)
    assert [message["id"] for message in answer["messages"]] == [reply, sent["messageid"]]
    assert answer["messages"][1] == {
        "id": sent["messageid"],
        "direction": "sent",
        "kind": "text",
        "sender": "AcmeCorp",
        "destination": "447700900123",
        "content": "Hello",
        "tag": "orders",
        "reference": "order-7",
        "batchid": None,
        "status": "SENT",
        "code": None,
        "meaning": None,
        "final": False,
        "deleted": False,
        "segments": 1,
        "encoding": "GSM",
        "credits": 1,
        "created": "2026-07-01T12:00:00.000Z",
        "scheduled": None,
        "updated": "2026-07-01T12:00:00.000Z",
    }
    received = answer["messages"][0]
    assert (received["direction"], received["encoding"], received["final"]) == (
        "received",
        "Unicode",
        True,
    )


async def test_messages_are_paged_while_new_ones_arrive(api):
    numbers = [f"4477009{n:05}" for n in range(7)]
    await api.post("/batch/send", {**BATCH, "destinations": numbers})
    first = await messages(api, limit="3")
    await api.send(destination="447700900999")
    second = await messages(api, limit="3", before=first["next"])
    third = await messages(api, limit="3", before=second["next"])
    pages = [page["messages"] for page in (first, second, third)]
    assert [one["destination"] for page in pages for one in page] == numbers[::-1]
    assert [page["matching"] for page in (first, second, third)] == [7, 8, 8]
    assert third["next"] is None
    assert (await messages(api, limit="4", before=first["next"]))["next"] is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("07700 900123", True),
        ("+44 7700 900123", True),
        ("0044 (0)7700-900123", True),
        ("+44 (0)7700-900123", True),
        ("7700900123", True),
        ("0123", True),
        ("07700 9001", True),
        ("900124", False),
        ("HELLO there", True),
        ("orders", True),
        ("acme", True),
        ("Order-7", True),
        ("nowhere", False),
        (".", False),
        (" ", True),
    ],
)
async def test_messages_are_searched_by_number_text_tag_sender_and_reference(api, q, found):
    await api.send(
        content="Hello there", tag="Orders", metadata=[{"key": "reference", "value": "order-7"}]
    )
    assert bool(await ids(api, q=q)) is found


async def test_messages_are_found_by_their_batch_and_their_id(api):
    single = (await api.send())["messageid"]
    batch_id = (await api.post("/batch/send", BATCH))[1]["batchid"]
    assert len(await ids(api, batch=batch_id)) == 2
    assert len(await ids(api, q=batch_id)) == 2
    assert await ids(api, q=single) == [single]


async def test_messages_are_filtered_by_status_direction_kind_and_number(api):
    text = (await api.send(destination="447700900506"))["messageid"]
    flash = (await api.post("/message/flash", MESSAGE))[1]["messageid"]
    code = (await api.post("/otp/send", {"sender": "Acme", "destination": "447700900124"}))[1]
    passcode = code["messageid"]
    binary = (await api.post("/binary/send", {**MESSAGE, "content": "48 65"}))[1]["messageid"]
    await api.box.advance(1)
    reply = await api.box.receive(sender="07700900506", to="60777", content="Yes")
    assert await ids(api, status="undelivered") == [text]
    assert await ids(api, status="UNDELIVERED,INCOMING") == [reply, text]
    assert await ids(api, direction="received") == [reply]
    assert await ids(api, direction="sent") == [binary, passcode, flash, text]
    assert await ids(api, direction="sent,received", number="+44 7700 900506") == [reply, text]
    for kind, found in (("flash", flash), ("binary", binary), ("passcode", passcode)):
        assert await ids(api, kind=kind) == [found]
    assert await ids(api, kind="text", status="UNDELIVERED", q="hello") == [text]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("messages?sort=1", "sort is not a parameter"),
        ("messages?status=LOST", "status must be one of SCHEDULED"),
        ("messages?direction=up", "direction must be one of"),
        ("messages?kind=mms", "kind must be one of"),
        ("messages?limit=0", "limit must be a whole number from 1 to 500"),
        ("messages?limit=501", "limit must be"),
        ("messages?before=x", "before must be"),
        ("messages?before=-1", "before must be"),
        ("messages?q=1&q=2", "twice"),
        ("messages/1?q=1", "no query parameters"),
        ("requests?q=1", "q is not a parameter"),
        ("webhooks?limit=%D9%A3", "limit must be"),
        ("faults?limit=1", "limit is not a parameter"),
        ("account?x=", "x is not a parameter"),
    ],
)
async def test_parameters_that_do_not_exist_are_refused(api, path, words):
    status, answer = await api.get(f"sandbox/{path}")
    assert status == 400
    assert words in answer["message"]


@pytest.mark.parametrize("path", ["messages/1", "messages/x", "requests/9", "requests/%C2%B2"])
async def test_what_is_not_kept_is_not_found(api, path):
    assert (await api.get(f"sandbox/{path}"))[0] == 404


async def test_a_message_is_shown_with_its_segments_and_its_history(api):
    content = "x" * 66 + "😀" + "y" * 10
    sent = await api.send(destination="447700900506", content=content)
    await api.box.advance(1)
    message = await details(api, sent["messageid"])
    assert message["parts"] == ["x" * 66, "😀" + "y" * 10]
    assert message["unicode"] == [{"position": 66, "character": "😀", "name": "GRINNING FACE"}]
    assert message["history"] == [
        {"status": "SENT", "code": None, "meaning": None, "at": "2026-07-01T12:00:00.000Z"},
        {
            "status": "UNDELIVERED",
            "code": 5006,
            "meaning": "The handset did not respond.",
            "at": "2026-07-01T12:00:01.000Z",
        },
    ]
    assert (message["code"], message["meaning"]) == (5006, "The handset did not respond.")
    assert (message["passcode"], message["posts"]) == (None, [])


async def test_a_message_is_shown_with_the_request_that_made_it(api):
    await api.get("/credits/balance")
    batch_id = (await api.post("/batch/send", {**BATCH, "colour": "red"}))[1]["batchid"]
    second, first = await ids(api, batch=batch_id)
    record = (await details(api, first))["request"]
    assert (record["method"], record["path"], record["status"]) == ("POST", "/batch/send", 201)
    assert record["body"] == {**BATCH, "colour": "red"}
    assert record["answer"]["batchid"] == batch_id
    assert record["unknown_fields"] == ["colour"]
    assert record["messages"] == [first, second]
    assert record["milliseconds"] > 0
    assert record["id"] == "2"
    assert (await api.get("sandbox/requests/2"))[1] == record


async def test_a_message_is_shown_with_its_conversation_and_passcode(api):
    sent = (await api.send(sender="447700900000"))["messageid"]
    await api.send(destination="447700900124")
    reply = await api.box.receive(sender="07700 900123", to="447700900000", content="Yes")
    code = (await api.post("/otp/send", {"sender": "Acme", "destination": "447700900123"}))[1]
    message = await details(api, code["messageid"])
    assert [one["id"] for one in message["conversation"]] == [sent, reply, code["messageid"]]
    assert message["passcode"] == api.box.passcode_of("447700900123")
    assert (await details(api, reply))["conversation"] == message["conversation"]


async def test_requests_are_listed_newest_first_without_secrets(api):
    login = {"customerid": api.box.customer_id, "key": api.box.key, "secret": api.box.secret}
    await api.post("/auth/token", login)
    await api.send()
    api.box.add_fault({"path": "*", "when": "after", "method": "POST"})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await api.post("/message/send", MESSAGE)
    status, text = await api.get("sandbox/requests")
    assert status == 200
    cut, sent, logged_in = text["requests"]
    assert (cut["status"], cut["fault"]["when"]) == (None, "after")
    assert (sent["status"], sent["fault"]) == (201, None)
    assert len(cut["messages"]) == 1
    assert logged_in["body"] == dict.fromkeys(login, "…")
    assert logged_in["answer"] == {"token": "…"}
    assert api.box.token.removeprefix("JWT ") not in str(text)
    first = (await api.get("sandbox/requests?limit=1"))[1]
    assert [one["id"] for one in first["requests"]] == ["3"]
    rest = (await api.get(f"sandbox/requests?before={first['next']}"))[1]
    assert ([one["id"] for one in rest["requests"]], rest["next"]) == (["2", "1"], None)


async def test_a_long_body_is_shown_by_its_request_alone(api):
    body = {**MESSAGE, "note": "x" * 5000}
    await api.post("/message/send", body)
    [listed] = (await api.get("sandbox/requests"))[1]["requests"]
    assert listed["body"] is None
    assert listed["body_size"] > 5000
    assert (await api.get("sandbox/requests/1"))[1]["body"] == body


@pytest.mark.parametrize("data", [b"{", b"[" * 3000 + b"]" * 3000, b"\xff" * 300_000])
async def test_a_body_that_is_no_json_is_shown_as_text(api, data):
    await api.post("/message/send", data=data, headers={"Content-Type": "application/json"})
    shown = (await api.get("sandbox/requests/1"))[1]["body"]
    assert shown == data[: 256 * 1024].decode(errors="replace")


async def test_faults_are_listed_with_what_they_have_struck(api):
    api.box.add_fault({"path": "/utils/*", "nth": 2, "status": 503})
    for _ in range(3):
        await api.get("/utils/test")
    answer = (await api.get("sandbox/faults"))[1]
    [fault] = answer["faults"]
    assert (fault["path"], fault["status"], fault["counted"], fault["struck"]) == (
        "/utils/*",
        503,
        3,
        1,
    )


async def test_each_preset_can_be_put_in_force(api):
    presets = (await api.get("sandbox/faults"))[1]["presets"]
    assert len({preset["name"] for preset in presets}) == 5
    for preset in presets:
        assert preset["title"]
        assert (await api.post("sandbox/faults", preset["faults"]))[0] == 200


async def test_the_account_is_shown_with_its_clock_and_counts(api):
    await api.send()
    account = (await api.get("sandbox/account"))[1]
    assert (account["credits"], account["manual"]) == (9999, True)
    assert account["adjustable"]
    assert account["now"] == "2026-07-01T12:00:00.000Z"
    assert account["counts"] == {
        "messages": 1,
        "accepted": 1,
        "requests": 1,
        "webhooks": 0,
        "waiting": 0,
    }
    assert (account["delivery_report_url"], account["incoming_url"]) == (False, False)
    assert set(account["versions"]) == {"smsworks-async", "aiohttp", "python"}


async def test_ready_is_answered_to_anybody_on_a_host_name_that_is_ours():
    async with sandbox(host="0.0.0.0") as api:
        assert await api.get("sandbox/ready", token=None) == (200, {"ready": True})
        assert (await api.get("sandbox/messages", token=None))[0] == 401
        assert (await api.get("sandbox/messages"))[0] == 200
    async with sandbox() as api:
        headers = {"Host": "attacker.example"}
        assert (await api.get("sandbox/ready", headers=headers))[0] == 421
