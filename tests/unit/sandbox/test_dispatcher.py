"""The dispatcher's faults where the client has already disconnected."""

from __future__ import annotations

from unittest.mock import AsyncMock, Mock

import pytest
from aiohttp import ClientConnectionResetError
from aiohttp.test_utils import make_mocked_request

from smsworks_async.sandbox.dispatcher import _cut_in_the_middle
from smsworks_async.sandbox.replies import Reply


@pytest.mark.parametrize("method", ["write_headers", "write"])
async def test_cut_in_the_middle_does_not_fail_where_the_client_has_left(method):
    writer, transport = Mock(), Mock()
    for name in ("write_headers", "write"):
        setattr(writer, name, AsyncMock())
    getattr(writer, method).side_effect = ClientConnectionResetError("closing transport")
    request = make_mocked_request("POST", "/v1/batch/send", writer=writer, transport=transport)
    response = await _cut_in_the_middle(request, Reply(200, b'{"batchid": "1"}'))
    assert response.status == 499
    transport.abort.assert_called_once_with()
