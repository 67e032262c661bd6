"""What every family of the API's operations is made of."""

from __future__ import annotations

from typing import TypeVar

from smsworks_async.answers import Operation
from smsworks_async.calls import Calls
from smsworks_async.models import checks


T = TypeVar("T")


class Resource:
    """A family of operations, over a client's calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def _on(self, operation: Operation, identifier: str, into: type[T], field: str) -> T:
        checked = checks.identifier(identifier, field)
        return await self._calls.make(operation, into=into, identifier=checked)
