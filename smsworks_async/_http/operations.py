"""The API's operations, and the error for an unknown outcome."""

from __future__ import annotations

from typing import Any

import attrs

from smsworks_async.errors import OutcomeUnknown


@attrs.frozen(eq=False)
class Operation:
    """One of the API's operations.

    Attributes:
        method: the HTTP method.
        path: the path below the base URL; ``{}`` is replaced by an id.
        repeatable: whether repeating it costs nothing and changes nothing.
        authenticated: whether it needs a token.
        answers_errors: whether it returns an error object as its normal response.
        passcodes: whether the API's error messages about it may contain a passcode.
        body: the model of its body, or of each item if it is a list. Its fields declare what is
            secret (`models.fields.wire`); without a model the whole body is secret.
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
        operation: the operation.
        why: why its outcome is unknown; the message appends what to do.
    """
    if operation.repeatable:
        return OutcomeUnknown(
            f"{operation}: {why}; the call can be repeated",
            operation=str(operation),
            safe_to_repeat=True,
        )
    return OutcomeUnknown(
        f"{operation}: {why}, so it may have been accepted, and it was not repeated; "
        "before sending again, search the messages of the last minutes for this recipient, or use "
        "messages.find with its reference",
        operation=str(operation),
    )
