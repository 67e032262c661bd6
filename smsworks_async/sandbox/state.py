"""The state that the API's operations read and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs


if TYPE_CHECKING:
    from .account import Account
    from .credentials import Credentials
    from .passcodes import Passcodes


@attrs.define
class State:
    """An account, its passcodes and its credentials; a reset replaces the first two."""

    account: Account
    passcodes: Passcodes
    credentials: Credentials
