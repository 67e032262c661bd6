"""Scripted failures: which request fails, and how."""

from __future__ import annotations

import json
import math
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from .codes import CODES
from .operations import OPERATIONS
from .routes import advice, struck_by


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_WHEN: Final = ("before", "after", "mid", "hold", "late", "hang")
# Those in which the request is carried out.
_ACCEPTING: Final = frozenset({"after", "mid", "hold", "late"})
_METHODS: Final = sorted({operation.method for operation in OPERATIONS})


def _upper(method: str | None) -> str | None:
    return method.upper() if isinstance(method, str) else method


def _must_be(words: str, fits: Callable[[Any], bool]) -> Any:
    """Make a validator that says in one sentence what a value must be."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not fits(value):
            raise ValueError(f"{attribute.name} must be {words}, not {value!r}")

    return check


def _check_path(_: Any, _attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"path must be a string, not {value!r}")  # noqa: TRY004 - as for the others
    if not struck_by(value):
        raise ValueError(
            f"path must be one of the API's below /v1, or a pattern that fits one, not {value!r}"
            f"{advice(value)}"
        )


def _is_integer(lowest: int, highest: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and lowest <= value <= highest


def _is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _is_header(value: Any) -> bool:
    return _is_seconds(value) or (isinstance(value, str) and value.isprintable())


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


@attrs.frozen(kw_only=True)
class Fault:
    """One scripted failure. The JSON form is an object with the same names.

    Each fault counts the requests that fit its `path` and `method` by itself, from when it was
    added. Where several would strike the same request, the one added first does.

    ========== ======== ====================================================================
    `when`     accepted what the client sees, unless the fault has an answer of its own
    ========== ======== ====================================================================
    ``before`` no       the connection is cut
    ``after``  yes      the connection is cut
    ``mid``    yes      status line, headers and half of the body, then the cut
    ``hold``   yes      nothing until `release()`, then the true answer
    ``late``   late     the same, but the request is accepted only then, even without client
    ``hang``   no       nothing until `release()`, then a 503 with a bare message
    ========== ======== ====================================================================

    A fault has an answer of its own when it has a `status`, an `error_code` or a `body`. It is
    given where the connection would be cut, or where a held answer goes at last; with `mid` it is
    what half of goes out. *Accepted* means that the request was carried out as far as it was
    right: one without credit is still refused. A `late` request that is not released before the
    sandbox ends is not accepted.

    Attributes:
        path: the path below `/v1`, such as `/message/send`; `*` stands for anything.
        method: the HTTP method; any, when None.
        nth: the first fitting request that it strikes, from 1.
        times: how many fitting requests from there on; 0 = for ever.
        every: strike every k-th fitting request for ever instead, whatever `nth` and `times` say.
        when: see above.
        status: the HTTP status answered.
        retry_after: the header `Retry-After`: seconds, or a text as it stands.
        error_code: answer the API's error object for that code, at its HTTP status or `status`.
        permanent: the flag in that object; `"omit"` leaves it out, None takes the table's.
        body: a text answered as it stands, an HTML page for one.
        content_type: of that body.
        carry_ids: whether that answer names the message or the batch that was accepted, as
            `messageid` or `batchid`: a refusal of what was accepted. It needs a `when` that
            accepts, and a `status` or an `error_code`.
        delay: real seconds before the answer or the cut; for `hold`, `late` and `hang`, seconds
            after which they are released by themselves (0 = never). A slow answer is a `hold` with
            one.

    Raises:
        ValueError: a value that is not one of these.
    """

    path: str = attrs.field(validator=_check_path)
    method: str | None = attrs.field(
        default=None,
        converter=_upper,
        validator=_must_be("one of the API's methods, or None", _or_none(_METHODS.__contains__)),
    )
    nth: int = attrs.field(default=1, validator=_must_be("1 or more", _is_integer(1)))
    times: int = attrs.field(default=1, validator=_must_be("0 or more", _is_integer(0)))
    every: int | None = attrs.field(
        default=None, validator=_must_be("1 or more, or None", _or_none(_is_integer(1)))
    )
    when: Literal["before", "after", "mid", "hold", "late", "hang"] = attrs.field(
        default="before", validator=_must_be(f"one of {', '.join(_WHEN)}", _WHEN.__contains__)
    )
    status: int | None = attrs.field(
        default=None,
        validator=_must_be("200 to 599, or None", _or_none(_is_integer(200, 599))),
    )
    retry_after: float | str | None = attrs.field(
        default=None, validator=_must_be("fit for a header", _or_none(_is_header))
    )
    error_code: int | None = attrs.field(
        default=None,
        validator=_must_be(
            "one of the API's codes, such as 4021",
            _or_none(lambda value: _is_integer(0)(value) and value in CODES),
        ),
    )
    permanent: bool | Literal["omit"] | None = attrs.field(
        default=None,
        validator=_must_be('True, False, "omit" or None', (None, True, False, "omit").__contains__),
    )
    body: str | None = attrs.field(
        default=None,
        validator=_must_be("a string or None", _or_none(lambda value: isinstance(value, str))),
    )
    content_type: str = attrs.field(
        default="text/html; charset=utf-8",
        validator=_must_be(
            "fit for a header", lambda value: isinstance(value, str) and _is_header(value)
        ),
    )
    carry_ids: bool = attrs.field(
        default=False,
        validator=_must_be("true or false", lambda value: isinstance(value, bool)),
    )
    delay: float = attrs.field(default=0.0, validator=_must_be("seconds, 0 or more", _is_seconds))

    def __attrs_post_init__(self) -> None:
        methods = {operation.method for operation in struck_by(self.path)}
        if self.method is not None and self.method not in methods:
            raise ValueError(
                f"method must be one that {self.path} has ({', '.join(sorted(methods))}), or None, "
                f"not {self.method!r}"
            )
        if self.retry_after is not None and not self.answers:
            raise ValueError("retry_after needs a status, an error_code or a body to go with")
        if self.permanent is not None and self.error_code is None:
            raise ValueError("permanent needs an error_code to go with")
        if self.carry_ids and (
            self.when not in _ACCEPTING
            or (self.error_code is None and (self.status is None or self.body is not None))
        ):
            raise ValueError(
                "carry_ids needs a status or an error_code to go with, and one of "
                f"{', '.join(sorted(_ACCEPTING))} as when"
            )

    @property
    def answers(self) -> bool:
        """Whether the fault has an answer of its own."""
        return not (self.status is None and self.error_code is None and self.body is None)

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is one of those that this fault counts."""
        return self.method in {None, method} and fnmatchcase(path, self.path)

    def strikes(self, count: int) -> bool:
        """Whether it strikes the `count`-th request that fits it, from 1."""
        if self.every is not None:
            return count % self.every == 0
        return count >= self.nth and (self.times == 0 or count < self.nth + self.times)


def read_fault(given: Fault | Mapping[str, Any]) -> Fault:
    """Return a fault from a fault or from its JSON form.

    Raises:
        ValueError: a name that a fault does not have, or a value that it cannot have.
    """
    if isinstance(given, Fault):
        return given
    try:
        return Fault(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Not a fault: {error}") from error


def read_faults(given: Iterable[Fault | Mapping[str, Any]] | str | PathLike[str]) -> list[Fault]:
    """Return faults from faults, from their JSON form, or from a file that holds a list of those.

    Raises:
        ValueError: one of them is not a fault, or the file does not hold JSON.
        TypeError: there is no list.
        OSError: the file cannot be read.
    """
    source = (
        json.loads(Path(given).read_text("utf-8")) if isinstance(given, str | PathLike) else given
    )
    return [read_fault(fault) for fault in source]


@attrs.define(eq=False)
class FaultInForce:
    """A fault, how many requests fitted it since it was added, and how many of them it struck."""

    fault: Fault
    counted: int = 0
    struck: int = 0


class FaultScript:
    """The faults in force, in the order in which they were added."""

    def __init__(self) -> None:
        self.in_force: list[FaultInForce] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force; it counts from the next request on."""
        self.in_force.append(FaultInForce(fault))

    def clear(self) -> None:
        """Put all of them out of force."""
        self.in_force.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Count a request, and return the fault that strikes it, if one does."""
        struck = None
        for entry in self.in_force:
            if entry.fault.fits(method, path):
                entry.counted += 1
                if struck is None and entry.fault.strikes(entry.counted):
                    struck = entry.fault
                    entry.struck += 1
        return struck
