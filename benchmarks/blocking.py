"""Blocking sends with this package, bare aiohttp in a thread, and other SDKs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from awaited import Bare
from common import AUTH, MESSAGE, TELNYX, TWILIO, WARM_UP, WIRE, there


def from_threads(opening, threads):
    """Return a contender from a function that returns a send and a close function."""

    def contender(url, count):
        send, close = opening(url)

        def in_a_row(times):
            for _ in range(times):
                send()

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(in_a_row, [WARM_UP // threads] * threads))
            try:
                while True:
                    yield
                    list(pool.map(in_a_row, [count // threads] * threads))
            finally:
                close()

    return contender


def ours_send(url):
    from smsworks_async import SMSWorks

    client = SMSWorks("eyJ", base_url=url + "/v1")
    return lambda: client.messages.send(**MESSAGE), client.close


def aiohttp_send(url):
    """Bare aiohttp on a loop in its own thread: the lower bound for this package."""
    import threading

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    bare = Bare(url)

    def wait_for(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    send = wait_for(bare.__aenter__())

    def close():
        wait_for(bare.__aexit__())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    return lambda: wait_for(send()), close


def requests_send(url):
    import requests

    session = requests.Session()
    session.headers.update(AUTH)
    return lambda: session.post(url + "/v1/message/send", json=WIRE).json(), session.close


def twilio_send(url):
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    client = Client("AC0", "token", http_client=there(TwilioHttpClient, url)())
    return lambda: client.messages.create(**TWILIO), lambda: None


def telnyx_send(url):
    from telnyx import Telnyx as Blocking

    client = Blocking(api_key="key", base_url=url + "/v2", max_retries=0)
    return lambda: client.messages.send(**TELNYX), client.close


def official_send(url):
    """The provider's own SDK, from a checkout on the path."""
    import openapi_client as official

    settings = official.Configuration(host=url + "/v1", api_key={"JWT": "eyJ"})
    settings.connection_pool_maxsize = 16
    api = official.MessagesApi(official.ApiClient(settings))
    return lambda: api.message_send_post(official.Message(**WIRE)), lambda: None


def sends(threads):
    openings = {
        "official": official_send,
        "requests": requests_send,
        "ours": ours_send,
        "aiohttp": aiohttp_send,
        "twilio": twilio_send,
        "telnyx": telnyx_send,
    }
    return {name: from_threads(opening, threads) for name, opening in openings.items()}
