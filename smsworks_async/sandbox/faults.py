"""Scripted failures of requests."""

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
from .routes import advice, is_misspelt, struck_by


if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


_WHEN: Final = ("before", "after", "mid", "hold", "late", "hang")
# The values of `when` for which the request is carried out.
_ACCEPTING: Final = frozenset({"after", "mid", "hold", "late"})
_METHODS: Final = sorted({operation.method for operation in OPERATIONS})


def _upper(method: str | None) -> str | None:
    return method.upper() if isinstance(method, str) else method


def _must_be(words: str, fits: Callable[[Any], bool]) -> Any:
    """Return an attrs validator; its error message is that the value must be ``words``."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not fits(value):
            raise ValueError(f"{attribute.name} must be {words}, not {value!r}")

    return check


def _check_path(_: Any, _attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"path must be a string, not {value!r}")  # noqa: TRY004 - as for the others
    if not struck_by(value) or is_misspelt(value):
        raise ValueError(
            f"path must be one of the API's below /v1, or a pattern that matches one, not {value!r}"
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
    """A scripted failure of requests. The JSON form is an object with the same names.

    Each fault counts the requests that match its `path` and `method` separately, from the time when
    it was added. If several faults apply to a request, the one that was added first is used.

    ========== ======== ====================================================================
    `when`     accepted what the client sees, unless the fault has a response
    ========== ======== ====================================================================
    ``before`` no       the connection is cut
    ``after``  yes      the connection is cut
    ``mid``    yes      status line, headers and half of the body; then the connection is cut
    ``hold``   yes      nothing until `release()`, then the real response
    ``late``   late     the same, but the request is accepted only then, even if the client has
                        disconnected
    ``hang``   no       nothing until `release()`, then a 503 with a bare message
    ========== ======== ====================================================================

    A fault has a response if it has a `status`, an `error_code` or a `body`. It is sent instead of
    cutting the connection, or instead of the held response; with `mid`, half of it is sent.
    *Accepted* means that the request was carried out like any other: one without credit is still
    refused. A `late` request that is not released before the sandbox stops is not accepted.

    Attributes:
        path: the path below `/v1`, such as `/message/send`; `*` matches anything.
        method: the HTTP method; None (the default) for any.
        nth: the first matching request to which the fault applies, from 1 (the default).
        times: the number of matching requests from there on (default 1); 0 for all.
        every: apply to every k-th matching request instead, ignoring `nth` and `times`.
        when: when and how the request fails, as above (default ``"before"``).
        status: the HTTP status of the response.
        retry_after: the header `Retry-After`: a number of seconds, or a text used unchanged.
        error_code: respond with the API's error object for this code, and with `status` or the
            code's HTTP status.
        permanent: the flag in that object; `"omit"` leaves it out, None uses the code's flag.
        body: the text of the response, used unchanged, such as an HTML page.
        content_type: the content type of `body`.
        carry_ids: add the id of the accepted message or batch to the response, as `messageid` or
            `batchid`, so that an accepted request is refused. It needs a `when` that accepts the
            request, and a `status` or an `error_code`.
        delay: the real time before the response or the cut, in seconds (default 0). For `hold`,
            `late` and `hang`, the time after which the request is released without `release()`; 0
            for never. A slow response is a `hold` with a delay.

    Raises:
        ValueError: a value is invalid, or does not go with the others.
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
        default=None, validator=_must_be("seconds or a header value", _or_none(_is_header))
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
            "a header value", lambda value: isinstance(value, str) and _is_header(value)
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
                f"method must be one of {self.path} ({', '.join(sorted(methods))}), or None, not "
                f"{self.method!r}"
            )
        if self.retry_after is not None and not self.answers:
            raise ValueError("retry_after needs a status, an error_code or a body")
        if self.permanent is not None and self.error_code is None:
            raise ValueError("permanent needs an error_code")
        if self.carry_ids and (
            self.when not in _ACCEPTING
            or (self.error_code is None and (self.status is None or self.body is not None))
        ):
            raise ValueError(
                "carry_ids needs a status (without a body) or an error_code, and when must be one "
                f"of {', '.join(sorted(_ACCEPTING))}"
            )

    @property
    def answers(self) -> bool:
        """Whether the fault has a response."""
        return not (self.status is None and self.error_code is None and self.body is None)

    def fits(self, method: str, path: str) -> bool:
        """Return whether the fault counts a request."""
        return self.method in {None, method} and fnmatchcase(path, self.path)

    def strikes(self, count: int) -> bool:
        """Return whether the fault applies to the `count`-th matching request, from 1."""
        if self.every is not None:
            return count % self.every == 0
        return count >= self.nth and (self.times == 0 or count < self.nth + self.times)


def read_fault(given: Fault | Mapping[str, Any]) -> Fault:
    """Return a fault, which may be passed as its JSON form.

    Raises:
        ValueError: a name or a value is invalid.
    """
    if isinstance(given, Fault):
        return given
    try:
        return Fault(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Not a fault: {error}") from error


def read_faults(given: Iterable[Fault | Mapping[str, Any]] | str | PathLike[str]) -> list[Fault]:
    """Return a list of faults.

    Args:
        given: faults or their JSON forms, or the path of a JSON file with a list of such forms.

    Raises:
        ValueError: one of them is not a fault, or the file is not JSON.
        TypeError: ``given`` or the file's content is not a list.
        OSError: the file cannot be read.
    """
    source = (
        json.loads(Path(given).read_text("utf-8")) if isinstance(given, str | PathLike) else given
    )
    return [read_fault(fault) for fault in source]


@attrs.define(eq=False)
class FaultInForce:
    """An active fault, with the numbers of requests that matched it and to which it applied."""

    fault: Fault
    counted: int = 0
    struck: int = 0


class FaultScript:
    """The active faults, in the order in which they were added."""

    def __init__(self) -> None:
        self.in_force: list[FaultInForce] = []

    def add(self, fault: Fault) -> None:
        """Add a fault, which counts requests from the next one on."""
        self.in_force.append(FaultInForce(fault))

    def clear(self) -> None:
        """Remove all faults."""
        self.in_force.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Count a request, and return the fault that applies to it, or None."""
        struck = None
        for entry in self.in_force:
            if entry.fault.fits(method, path):
                entry.counted += 1
                if struck is None and entry.fault.strikes(entry.counted):
                    struck = entry.fault
                    entry.struck += 1
        return struck
