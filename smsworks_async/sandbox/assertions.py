"""Lookups and assertions for tests, whose failure messages list the messages that were sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .records import INCOMING, Message, mask
from .simulator import read_destination


if TYPE_CHECKING:
    from collections.abc import Iterable

    from .simulator import Simulator


_NOT_TEXTED = frozenset({"SCHEDULED", "CANCELLED", "FAILED", INCOMING})
_DIGITS = re.compile(r"(?<![\d.,£$€])\d{4,10}(?![\d.,]*\d)")
_SHOWN = 10


def sent_to(simulator: Simulator, number: str) -> list[Message]:
    """Return the messages that were sent to a number, oldest first, without scheduled ones.

    Raises:
        ValueError: the number is not a valid destination.
    """
    known = read_destination(number)
    return [m for m in simulator.messages if m.destination == known and m.status not in _NOT_TEXTED]


def last_to(simulator: Simulator, number: str) -> Message:
    """Return the latest message that was sent to a number.

    Raises:
        AssertionError: no message was sent to it.
    """
    __tracebackhide__ = True
    sent = sent_to(simulator, number)
    if not sent:
        raise AssertionError(f"{_name(number)} was not texted; {_instead(simulator, number)}")
    return sent[-1]


def passcode_of(simulator: Simulator, number: str) -> str:
    """Return the latest passcode that was sent to a number.

    It is the latest passcode of the API's one-time passcodes. If there is none, it is the number of
    4 to 10 digits in the latest text that has such a number.

    Raises:
        AssertionError: no text has a passcode, or the latest has several numbers that may be one.
    """
    __tracebackhide__ = True
    last_to(simulator, number)
    sent = sent_to(simulator, number)[::-1]
    for message in sent:
        passcode = simulator.state.passcodes.get(message.message_id)
        if passcode is not None:
            return passcode.passcode
    for message in sent:
        found = _DIGITS.findall(message.content)
        if len(found) == 1:
            return str(found[0])
        if found:
            raise AssertionError(
                f"several numbers may be the passcode: {', '.join(found)}, in {message.content!r}"
            )
    raise AssertionError(f"no text to {_name(number)} has a passcode:\n{_listed(sent[::-1])}")


def assert_texted(
    simulator: Simulator, number: str, match: str | re.Pattern[str] | None, times: int | None
) -> list[Message]:
    """Return the matching messages sent to a number, if their number is as expected.

    Args:
        simulator: the simulator that has the messages.
        number: the number, in any usual spelling.
        match: a regular expression to search for in the text; None for any text.
        times: the expected number of messages; None for at least one.

    Raises:
        AssertionError: the number of messages is not as expected.
    """
    __tracebackhide__ = True
    sent = sent_to(simulator, number)
    fitting = sent if match is None else [m for m in sent if re.search(match, m.content)]
    if (times is None and fitting) or len(fitting) == times:
        return fitting
    words = "" if match is None else f" with a text that matches {_pattern(match)!r}"
    expected = "at least once" if times is None else _times(times)
    was = "was not texted" if not fitting else f"was texted {_times(len(fitting))}"
    to_it = f"texts to {_name(number)}:\n{_listed(sent)}"
    instead = to_it if sent else _instead(simulator, number)
    raise AssertionError(f"{_name(number)} {was}{words}, expected {expected}; {instead}")


def replies_to(simulator: Simulator, number: str) -> str:
    """Return the destination of a reply from a number: the sender of the latest text to it.

    Raises:
        ValueError: no text was sent to it, or the sender is a name, which cannot be replied to.
    """
    sent = sent_to(simulator, number)
    if not sent:
        raise ValueError(
            f"no text was sent to {_name(number)} to reply to; pass the number to reply to as to="
        )
    sender = sent[-1].sender
    if not re.fullmatch(r"\+?\d{3,15}", sender):
        raise ValueError(
            f"a phone cannot reply to the sender {sender!r}, which is a name; pass the number to "
            "reply to as to="
        )
    return sender


def _instead(simulator: Simulator, number: str) -> str:
    known = read_destination(number)
    theirs = [m for m in simulator.messages if m.destination == known]
    if theirs:
        return f"messages to it that were not sent:\n{_listed(theirs)}"
    if not simulator.messages:
        asked = [f"{r.method} {r.path} {r.status}" for r in simulator.requests[-_SHOWN:]]
        return f"the requests were: {', '.join(asked)}" if asked else "there were no requests"
    return f"messages of other numbers:\n{_listed(simulator.messages)}"


def _listed(messages: Iterable[Message]) -> str:
    every = [f"  {message.describe()}" for message in messages]
    left_out = len(every) - _SHOWN
    more = [f"  ({left_out} earlier ones)"] if left_out > 0 else []
    return "\n".join([*more, *every[-_SHOWN:]])


def _name(number: str) -> str:
    return mask(read_destination(number))


def _pattern(match: str | re.Pattern[str]) -> str:
    return match if isinstance(match, str) else match.pattern


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
