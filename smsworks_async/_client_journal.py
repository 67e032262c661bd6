"""The journal and the opt-out list of a client, opened on first use."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.models import values


if TYPE_CHECKING:
    from smsworks_async.journals import Journal
    from smsworks_async.models.posted import IncomingMessage
    from smsworks_async.optouts import OptOuts


class ClientJournal:
    """Open a client's `journal` and `opt_outs` on first use.

    It is thread-safe. The journal modules are imported on first use.

    Args:
        journal: the path or URL of a journal, or a journal, or None.
        opt_outs: the path or URL of a journal, a journal, or a list, or None.

    Raises:
        ConfigurationError: an argument is none of these.
    """

    def __init__(self, journal: Any, opt_outs: Any) -> None:
        self._given = {
            "journal": _checked(journal, "journal"),
            "opt_outs": _checked(opt_outs, "opt_outs"),
        }
        # The objects that were opened here or passed in, by argument name.
        self._opened: dict[str, Any] = {}
        self._closed = False

    def journal(self) -> Journal | None:
        """Return the client's journal; None if it has none.

        Raises:
            ConfigurationError: the client is closed.
        """
        journal: Journal | None = self._opened.get("journal")
        given = self._given["journal"]
        if given is not None:
            self._check_open()
        if journal is None and given is not None:
            from smsworks_async.journals import open_journal

            # Another thread may have been first. The discarded object has opened no file yet.
            journal = self._opened.setdefault("journal", open_journal(given)[0])
        return journal

    def required_journal(self, needed_for: str) -> Journal:
        """Return the client's journal.

        Args:
            needed_for: the argument that needs it.

        Raises:
            ConfigurationError: it has none, or is closed.
        """
        journal = self.journal()
        if journal is None:
            raise ConfigurationError(
                f"{needed_for} needs a journal; pass journal= to the client, for "
                "example journal='sms.db'"
            )
        return journal

    def opt_outs(self) -> OptOuts | None:
        """Return the list in `opt_outs`, or else in `journal`; None if there is neither.

        Raises:
            ConfigurationError: the client is closed.
        """
        opt_outs: OptOuts | None = self._opened.get("opt_outs")
        given = self._given["opt_outs"]
        if given is not None or opt_outs is not None:
            self._check_open()
        if opt_outs is None:
            given = self.journal() if given is None else given
            if given is not None:
                opt_outs = self._opened.setdefault("opt_outs", _open_opt_outs(given))
        return opt_outs

    def required_opt_outs(self) -> OptOuts:
        """Return the client's list of opt-outs.

        Raises:
            ConfigurationError: it has none, or is closed.
        """
        opt_outs = self.opt_outs()
        if opt_outs is None:
            raise ConfigurationError(
                "this client has no opt-out list; pass opt_outs= or journal= to the client, for "
                "example journal='sms.db'"
            )
        return opt_outs

    async def record(self, message: IncomingMessage) -> None:
        """Record the opt-out or opt-in that a message asks for, if the client has an opt-out list.

        Raises:
            JournalError: it could not be recorded.
            ConfigurationError: the client is closed.
        """
        opt_outs = self.opt_outs()
        if opt_outs is not None:
            await opt_outs.record(message)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this client is closed; create a new one")

    async def close(self) -> None:
        """Close everything that was opened here; calling it again does nothing."""
        self._closed = True
        for name, opened in self._opened.items():
            if opened is not self._given[name]:
                await opened.close()


def _checked(given: Any, name: str) -> Any:
    """Return a valid `journal` or `opt_outs` argument, with a path made absolute.

    Raises:
        ConfigurationError: it is neither a path nor a journal.
    """
    if given is None:
        return None
    if values.as_text(given) is None and not values.has_method(given, "__fspath__"):
        return _as_object(given, name)
    try:
        path = values.path(given, name)
    except ValidationError as error:
        raise ConfigurationError(str(error)) from error
    return path if "://" in path else os.path.abspath(path)  # noqa: PTH100 - keeps links


def _open_opt_outs(given: Any) -> OptOuts:
    from smsworks_async.optouts import OptOuts

    return given if isinstance(given, OptOuts) else OptOuts(given)


def _as_object(given: Any, name: str) -> Any:
    from smsworks_async.journals import Journal
    from smsworks_async.optouts import OptOuts

    if isinstance(given, Journal) or (name == "opt_outs" and isinstance(given, OptOuts)):
        return given
    raise ConfigurationError(
        f"{name} must be the path of a file, a PostgreSQL URL, or a journal, not "
        f"{type(given).__name__}"
    )
