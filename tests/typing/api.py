"""The public names as a user writes them; checked by mypy and pyright, never run."""

from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_type

from aiohttp import web
from aiolimiter import AsyncLimiter

from smsworks_async import (
    Acknowledgement,
    AsyncSMSWorks,
    Batch,
    BatchOutcome,
    BulkEstimate,
    BulkProgress,
    BulkReport,
    BulkStatus,
    CountryCost,
    DeliveryReport,
    ErrorSample,
    IncomingMessage,
    Message,
    MessageFields,
    MessageRecord,
    OptOutEvent,
    OptOuts,
    OTPRecord,
    RecipientOutcome,
    RetryPolicy,
    ScheduledMessage,
    SentMessage,
    SentOTP,
    SMSWorks,
    optouts,
    phone,
    text,
    webhooks,
)
from smsworks_async.sandbox import BlockingSandbox, ManualClock, Sandbox
from smsworks_async.sandbox import Message as Texted


AT = datetime(2030, 1, 31, 9, 0, tzinfo=UTC)


class OwnRate:
    """A custom rate."""

    async def acquire(self) -> None:
        """Allow every request."""


def rates() -> None:
    """The types that a client's rate accepts."""
    assert_type(AsyncSMSWorks("eyJ", max_rate=OwnRate()), AsyncSMSWorks)
    assert_type(SMSWorks("eyJ", max_rate=OwnRate()), SMSWorks)
    assert_type(SMSWorks("eyJ", max_rate=5), SMSWorks)
    assert_type(SMSWorks("eyJ", max_rate=AsyncLimiter(5)), SMSWorks)


async def awaited() -> None:
    """Every operation, awaited."""
    async with AsyncSMSWorks(token="eyJ", retry=RetryPolicy(attempts=2), timeout=5) as sms:
        sent = await sms.messages.send(sender="Acme", destination="07700 900123", content="Hi")
        assert_type(sent, SentMessage)
        assert_type(sent.balance, float | None)
        assert_type(
            await sms.messages.schedule(
                at=AT, sender="Acme", destination=447700900123, content="x"
            ),
            Acknowledgement,
        )
        assert_type(await sms.messages.scheduled(), list[ScheduledMessage])
        assert_type(await sms.messages.get("1"), MessageRecord)
        assert_type(await sms.messages.search(status="SENT", from_=AT), list[MessageRecord])
        assert_type(sms.messages.iterate(tag="x"), AsyncGenerator[MessageRecord, None])
        assert_type(await sms.messages.wait("1", timeout=None), MessageRecord)
        assert_type(
            sms.messages.incoming(bookmark="place", since=AT), AsyncGenerator[IncomingMessage, None]
        )
        batch = await sms.batches.send(sender="Acme", destinations=["07700 900123"], content="x")
        assert_type(batch, Batch)
        message = Message(sender="Acme", destination="07700 900123", content="x")
        assert_type(await sms.batches.send_each(messages=[message]), Batch)
        assert_type(await sms.otp.send(sender="Acme", destination="07700 900123"), SentOTP)
        assert_type(await sms.otp.verify(passcode="123456", destination="07700 900123"), OTPRecord)
        assert_type(await sms.credits.balance(), float)
        assert_type(await sms.credits.cost(country="FR"), CountryCost)
        assert_type(await sms.messages.volume(), int)
        assert_type(
            await sms.messages.send_binary(data=b"x", sender="Acme", destination="07700 900123"),
            SentMessage,
        )
        assert_type(await sms.utils.error(4021), ErrorSample)
        assert_type(await sms.auth.token(), str)

        async def tell(progress: BulkProgress) -> None:
            assert_type(progress.per_second, float)

        report = await sms.bulk.send(
            sender="Acme", content="x", destinations=iter(["07700 900123"]), progress=tell
        )
        assert_type(report, BulkReport)
        assert_type(report.too_late, tuple[BatchOutcome, ...])
        later = await sms.bulk.send(
            sender="Acme", content="x", destinations=["07700 900123"], at=AT, campaign="spring"
        )
        assert_type(later, BulkReport)
        rows = [{"destination": "07700 900123", "name": "Ada"}]
        each = await sms.bulk.send_each(template="Hi {name}", rows=rows, sender="Acme", ai=True)
        assert_type(each, BulkReport)
        policy: Literal["report", "resend"] = "resend"
        again = await sms.bulk.retry_undelivered(
            "spring", journal="x.db", attempts=2, concurrency=4, on_unknown=policy
        )
        assert_type(again, BulkReport)
        assert_type(await sms.bulk.status(campaign="spring", journal="x.db"), BulkStatus)
        assert_type(
            sms.bulk.outcomes("spring", journal="x.db"), AsyncGenerator[RecipientOutcome, None]
        )
        assert_type(await sms.bulk.estimate(messages=[message], balance=False), BulkEstimate)
        await sms.bulk.estimate(content="x", destinations=["1"], sender="Acme")
        assert_type(await sms.bulk.prune(before=timedelta(days=90)), list[str])
        assert_type(await sms.bulk.prune(before=datetime.now(UTC), journal="x.db"), list[str])
        await sms.bulk.forget("spring", journal="x.db")
        assert_type(await sms.opt_outs.add("07700 900123", source="shop"), bool)
        assert_type(await sms.opt_outs.among(numbers=["07700 900123"]), list[str])
        assert_type(sms.opt_outs.iterate(), AsyncGenerator[OptOutEvent, None])
        assert_type(await sms.opt_outs.history("07700 900123"), list[OptOutEvent])


def blocking() -> None:
    """The same, blocking: the arguments and answers are the async ones."""
    with SMSWorks(token="eyJ", retry=RetryPolicy(attempts=2), timeout=5) as sms:
        sent = sms.messages.send(sender="Acme", destination="07700 900123", content="Hi")
        assert_type(sent, SentMessage)
        assert_type(
            sms.messages.schedule(at=AT, sender="Acme", destination=447700900123, content="x"),
            Acknowledgement,
        )
        assert_type(sms.messages.scheduled(), list[ScheduledMessage])
        assert_type(sms.messages.get("1"), MessageRecord)
        assert_type(sms.messages.search(status="SENT", from_=AT), list[MessageRecord])
        assert_type(sms.messages.iterate(tag="x"), Generator[MessageRecord, None, None])
        assert_type(sms.messages.wait("1", timeout=5), MessageRecord)
        assert_type(sms.messages.incoming(pause=5), Generator[IncomingMessage, None, None])
        message = Message(sender="Acme", destination="07700 900123", content="x")
        assert_type(sms.batches.send_each(messages=[message]), Batch)
        assert_type(sms.otp.verify(passcode="123456", destination="07700 900123"), OTPRecord)
        assert_type(sms.opt_outs.remove("07700 900123"), bool)
        assert_type(sms.opt_outs.contains(447700900123), bool)
        assert_type(sms.opt_outs.iterate(), Generator[OptOutEvent, None, None])
        sms.opt_outs.among(["07700 900123"])  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        assert_type(sms.credits.balance(), float)
        assert_type(sms.credits.cost(country="FR"), CountryCost)
        assert_type(sms.messages.volume(), int)
        assert_type(
            sms.messages.send_binary(data=b"x", sender="Acme", destination="07700 900123"),
            SentMessage,
        )
        assert_type(
            sms.bulk.send(
                sender="Acme",
                content="x",
                destinations=(number for number in ["07700 900123"]),
                progress=lambda progress: None,
            ),
            BulkReport,
        )
        fields: MessageFields = {"sender": "Acme", "destination": 447700900123, "content": "x"}
        assert_type(sms.bulk.send_each(messages=iter([fields])), BulkReport)
        assert_type(
            sms.bulk.retry_undelivered("spring", journal="x.db", settle=5, on_unknown="resend"),
            BulkReport,
        )
        status = sms.bulk.status(campaign="spring", journal="x.db")
        assert_type(status, BulkStatus)
        assert_type((status.at, status.scheduled), tuple[datetime | None, int])
        assert_type(
            sms.bulk.plan(
                sender="Acme", content="x", destinations=["07700 900123"], campaign="y", at=AT
            ),
            BulkStatus,
        )
        assert_type(
            sms.bulk.outcomes("spring", journal="x.db"), Generator[RecipientOutcome, None, None]
        )
        assert_type(sms.bulk.estimate(messages=[message], balance=False), BulkEstimate)
        assert_type(sms.bulk.estimate(messages=[message]).samples, tuple[str, ...])
        assert_type(sms.bulk.prune(before=timedelta(days=90)), list[str])
        sms.bulk.forget("spring", journal="x.db")


async def refused_awaited() -> None:
    """Errors that type checkers report."""
    async with AsyncSMSWorks(token="eyJ") as sms:
        await sms.messages.send(sender="Acme", content="Hi")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.messages.send_binary(data="x", sender="Acme", destination="07700 900123")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await sms.credits.cost("FR")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.messages.search(colour="red")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.messages.get("1", "2")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.batches.send_each([])  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.bulk.send(sender="Acme", content="x", concurrency="8")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await sms.bulk.send(sender="Acme", content="x", at=1.0)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await sms.bulk.send_each(messages=[], at=AT)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.bulk.prune()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        await sms.bulk.prune(before=90)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        await sms.bulk.send(sender="Acme", content="x", on_unknown="guess")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def refused() -> None:
    """The same, blocking."""
    with SMSWorks(token="eyJ") as sms:
        sms.messages.send(sender="Acme", content="Hi")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        sms.messages.send(sender="Acme", destination="07700 900123", content=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        sms.messages.search(colour="red")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        sms.messages.get("1", "2")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        sms.batches.send_each([])  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        sms.bulk.send(sender="Acme", content="x", concurrency="8")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        sms.bulk.send(sender="Acme", content="x", on_unknown="guess")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    SMSWorks("eyJ", session=None)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


async def opt_outs() -> None:
    """The list without a client, and shared with a client."""
    keywords = optouts.Keywords(out=["STOP"], begins=())
    async with OptOuts("sms.db", keywords=keywords) as kept:
        assert_type(await kept.import_file("old.csv"), int)
        assert_type(await kept.export_csv("all.csv"), int)
        AsyncSMSWorks("eyJ", journal="sms.db", opt_outs=kept)
        webhooks.Webhooks(opt_outs=kept, insecure=True)
    SMSWorks("eyJ", opt_outs=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def pure() -> None:
    """The parts that need no client."""
    assert_type(optouts.classify("STOP"), optouts.Request | None)
    assert_type(phone.normalise("07700 900123"), str)
    assert_type(text.measure("Hi").credits, float)
    assert_type(text.to_gsm("Hi"), str)


class Table:
    """A custom store of handled reports."""

    async def statuses(self, message_id: str) -> list[str]:
        """Return the handled statuses."""
        return [message_id]

    async def claim(self, message_id: str, status: str, owner: str, seconds: float) -> bool:
        """Claim a message."""
        return True

    def release(self, message_id: str, owner: str) -> None:
        """Release a claim."""

    def add(self, message_id: str, status: str, owner: str) -> None:
        """Record a handled status."""


def posted() -> None:
    """Parsing and handling of the provider's callbacks."""
    assert_type(webhooks.parse(b"{}"), DeliveryReport | IncomingMessage)
    stats = webhooks.DeliveryStats()
    assert_type(stats.total.median, float | None)

    async def reply(message: IncomingMessage) -> None:
        assert_type(message.sender, str)

    hooks = webhooks.Webhooks(
        on_report=stats.add,
        on_incoming=reply,
        secrets=["x" * 32],
        client=SMSWorks("eyJ"),
        seen=Table(),
    )
    app = web.Application()
    app.add_routes(hooks.routes("/sms"))
    webhooks.Webhooks(on_report=lambda report: report.status, insecure=True).asgi()
    webhooks.MemorySeen(10).claim("1", "SENT", "me", 60)
    webhooks.Webhooks(on_report=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


async def sandboxes(smsworks_sandbox: Sandbox) -> None:
    """The same methods, awaited and blocking."""
    async with Sandbox(clock=ManualClock()) as box:
        assert_type(box, Sandbox)
        assert_type(await box.reply("07700 900123", "STOP"), str)
        await box.advance(1)
        assert_type(box.last_to("07700 900123"), Texted)
    with Sandbox() as blocking:
        assert_type(blocking, BlockingSandbox)
        assert_type(blocking.reply("07700 900123", "STOP"), str)
        assert_type(blocking.assert_texted("07700 900123", match="x", times=None), list[Texted])
        blocking.deliver_to(webhooks.Webhooks(on_report=print).asgi(), "/sms/{secret}")
