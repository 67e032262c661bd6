from __future__ import annotations

import pytest

from support.webhook_servers import SERVERS


@pytest.fixture(params=SERVERS)
def server(request):
    """The name of a kind of server; a test that takes it runs under each."""
    return request.param
