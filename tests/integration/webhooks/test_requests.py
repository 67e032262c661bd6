"""Posts that webhooks admit, refuse and log."""

from __future__ import annotations

from smsworks_async.webhooks import Webhooks
from support.webhook_servers import serving


async def test_webhooks_read_a_status_in_any_case(server):
    handled = []
    async with serving(server, on_report=handled.append) as provider:
        for status in (" Delivered\n", "delivered", "DELIVERED", "sent"):
            assert await provider.report("1", status) == 200
    [report] = handled
    assert report.status == "DELIVERED"
    assert report.is_final


async def test_webhooks_answer_405_with_what_is_allowed(server):
    async with serving(server, on_report=print) as provider:
        url = f"http://127.0.0.1:{provider.port}/sms/the-webhook-secret-of-these-tests-AAAA"
        async with provider.session.get(url) as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_webhooks_can_trust_a_proxy_on_a_unix_socket(tmp_path):
    from aiohttp import ClientSession, UnixConnector, web

    def hooks(*proxies):
        return Webhooks(
            on_report=print,
            secrets="x" * 32,
            networks=["192.0.2.0/24"],
            trusted_proxies=proxies,
        )

    async def post(hooks, forwarded):
        app = web.Application()
        app.add_routes(hooks.routes("/sms"))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / "s")).start()
        try:
            async with (
                ClientSession(connector=UnixConnector(str(tmp_path / "s"))) as session,
                session.post(
                    "http://here/sms/" + "x" * 32,
                    json={"messageid": "1", "status": "SENT"},
                    headers={"X-Forwarded-For": forwarded},
                ) as response,
            ):
                return response.status
        finally:
            await runner.cleanup()

    assert await post(hooks("unix"), "192.0.2.7") == 200
    assert await post(hooks("unix"), "192.0.2.7, 198.51.100.1") == 404
    assert await post(hooks("unix", "198.51.100.0/24"), "192.0.2.7, 198.51.100.1") == 200
    assert await post(hooks("198.51.100.0/24"), "192.0.2.7") == 404


async def test_webhooks_log_a_refused_post_with_the_right_secret_once(server, caplog):
    settings = {"on_report": print, "networks": ["192.0.2.0/24"]}
    async with serving(server, **settings) as provider:
        assert await provider.post({}, path="/sms/wrong") == 404
        assert "rejected because of its source" not in caplog.text
        for _ in range(3):
            assert await provider.report() == 404
    assert caplog.text.count("rejected because of its source") == 1
    assert "127.0.0.1" not in caplog.messages[-1]
