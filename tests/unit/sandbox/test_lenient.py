"""The filter that removes repeated Content-Type headers from requests."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsworks_async.sandbox.lenient import RepeatFilter


LINES = st.sampled_from(
    [
        b"Host: localhost\r\n",
        b"Content-Type: application/json\r\n",
        b"content-type: text/plain\r\n",
        b"X-Note: Content-Type: both\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length : 5\r\n",
        b"content-length:0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Upgrade: websocket\r\n",
        b"Bare: newline\n",
    ]
)
BODIES = st.sampled_from([b"", b"hello", b"a\r\n\r\n", b"\nCont", b"Content-Type: x\r\n\r\n"])
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n"])


@st.composite
def requests(draw):
    head = b"".join(draw(st.lists(LINES, max_size=5)))
    return b"POST /v1/message/send HTTP/1.1\r\n" + head + draw(ENDS) + draw(BODIES)


@given(st.lists(requests(), min_size=1, max_size=3), st.data())
def test_repeat_filter_gives_the_same_however_the_bytes_arrive(sent, data):
    whole = b"".join(sent)
    one_by_one = RepeatFilter()
    expected = b"".join(one_by_one.feed(whole[n : n + 1]) for n in range(len(whole)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=4)) | {0, len(whole)})
    filtered = RepeatFilter()
    pieces = [whole[start:end] for start, end in itertools.pairwise(cuts)]
    assert b"".join(map(filtered.feed, pieces)) == expected


@pytest.mark.parametrize("head", [b"Content-Length: 5\r\n", b""])
def test_repeat_filter_passes_a_plain_request_on_as_it_is(head):
    request = b"POST / HTTP/1.1\r\nContent-Type: a\r\n" + head + b"\r\n" + b"hello" * bool(head)
    repeats = RepeatFilter()
    for _ in range(3):
        assert repeats.feed(request) is request


def test_repeat_filter_takes_the_second_type_out():
    request = b"POST / HTTP/1.1\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n"
    assert RepeatFilter().feed(request) == b"POST / HTTP/1.1\r\nContent-Type: a\r\n\r\n"


@pytest.mark.parametrize("first", [b"Content-Length: 5\r\n\r\nhello", b"\r\n", b"\n"])
def test_repeat_filter_looks_at_each_request_of_a_pipeline(first):
    sent = b"POST / HTTP/1.1\r\n" + first
    second = b"POST / HTTP/1.1\r\nContent-Type: a\r\n%b\r\n"
    whole = sent + second % b"Content-Type: b\r\n"
    assert RepeatFilter().feed(whole) == sent + second % b""
