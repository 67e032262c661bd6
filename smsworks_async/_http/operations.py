"""The API's operations, and the error for one whose outcome is not known."""

from __future__ import annotations

from typing import Any

import attrs

from smsworks_async.errors import OutcomeUnknown


@attrs.frozen(eq=False)
class Operation:
    """One of the API's operations.

    Attributes:
        method: the HTTP method.
        path: the path below the base URL; ``{}`` stands for an id.
        repeatable: whether repeating it costs nothing and changes nothing.
        authenticated: whether it needs a token.
        answers_errors: whether an error object is its answer rather than a failure.
        passcodes: whether what the API says about it may hold a passcode.
        body: the model of its body, or of each part of it where it is a list, whose fields declare
            what is secret (`models.fields.wire`); without one all of the body is.
    """

    method: str
    path: str
    repeatable: bool = False
    authenticated: bool = True
    answers_errors: bool = False
    passcodes: bool = False
    body: type[Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def unknown(operation: Operation, why: str) -> OutcomeUnknown:
    """Return the error for an operation that may or may not have been carried out.

    Args:
        operation: what was requested.
        why: why its outcome is not known; the message begins with it, and goes on with what to do.
    """
    if operation.repeatable:
        return OutcomeUnknown(
            f"{operation}: {why}; the call can be repeated",
            operation=str(operation),
            safe_to_repeat=True,
        )
    return OutcomeUnknown(
        f"{operation}: {why}, so it may have been accepted, and it was not repeated; "
        "search the messages of the last minutes for this recipient, or by its reference with "
        "messages.find, before sending again",
        operation=str(operation),
    )
