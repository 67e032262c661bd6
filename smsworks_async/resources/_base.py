"""What every family of the API's operations is made of."""

from __future__ import annotations

from typing import Any, TypeVar

from smsworks_async.answers import Operation
from smsworks_async.calls import Calls
from smsworks_async.models import checks
from smsworks_async.models.iterables import check_iterable
from smsworks_async.models.values import is_missing


T = TypeVar("T")


class Resource:
    """A family of operations, over a client's calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        #: Returns a destination as the API takes it, by the client's settings, or raises.
        self._destination = calls.settings.destination

    def _destinations(self, values: Any) -> list[str]:
        check_iterable(values, "destinations", awaitable=False)
        return list(map(self._destination, values))

    def _filter(self, destination: Any) -> str | None:
        """Return the destination that narrows a search; a missing one does not."""
        return None if is_missing(destination) else self._destination(destination)

    async def _on(self, operation: Operation, identifier: str, into: type[T], field: str) -> T:
        checked = checks.identifier(identifier, field)
        return await self._calls.make(operation, into=into, identifier=checked)
