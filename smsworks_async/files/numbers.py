"""Parse phone numbers as spreadsheets write them: take, mend or refuse them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from operator import add
from typing import Any, Final, NamedTuple

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


#: A function that returns a number as a destination, or raises `ValidationError`: the return value
#: of `phone.destination_rule`.
Rule = Callable[[Any], str]

LOST_ZERO: Final = "its leading 0 had been lost"
DECIMAL: Final = "it was written as a decimal number"
SCIENTIFIC: Final = "it was in scientific notation, with all of its digits"
APOSTROPHE: Final = "it began with an apostrophe"
FORMULA: Final = "it was wrapped in a formula"
HIDDEN: Final = "it contained hidden characters"
OTHER_DIGITS: Final = "its digits were in another script"

# The characters before the last eight digits of a UK mobile number, with the same prefix of the
# destination. Most cells match one of these; the others are passed to the rule, which is slower.
# 076 is left out because part of it is allocated to pagers (see `phone`).
_MOBILE_DIGITS: Final = "12345789"
_HEADS: Final = {
    prefix + digit: f"447{digit}"
    for prefix in ("07", "447", "+447", "00447")
    for digit in _MOBILE_DIGITS
}
_LOST_HEADS: Final = {f"7{digit}": f"447{digit}" for digit in _MOBILE_DIGITS}

_FEWEST_DIGITS: Final = 7
_WRAPPED: Final = re.compile(r'=\s*"([^"]*)"|=\s*([+]?[\d ]+)|=\s*T\("([^"]*)"\)', re.IGNORECASE)
_DECIMAL_COMMA: Final = re.compile(r"^([+]?\d+),0$")
_ERRORS: Final = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|N/D|NV|WERT!)|Err:\d+")
_APOSTROPHES: Final = "'\u2018\u2019`"
_NUMBERS_APART: Final = re.compile(r"[/;,|&\n\r]|\b(?:or|and|und|oder|ou|et)\b", re.IGNORECASE)
_MOBILE_INSIDE: Final = re.compile(
    r"(?<![\d+])(?:(?:\+|00)?[ ]?44[ ]?(?:\(0\))?[ ]?|0)7(?:[ .-]?\d){9}(?!\d)"
)
#: The problem of a blank cell in a row that is not blank.
NO_NUMBER: Final = "there is no number"
_SEVERAL: Final = "it holds more than one number"
_FORMULA: Final = "it is a formula"
_ERROR: Final = "it is the spreadsheet's error"
_TOO_NARROW: Final = "the column was too narrow to show it when the file was saved"
_DATE: Final = "it is a date or a time"
_ZEROS: Final = "its last six digits are zeros, probably because scientific notation has lost them"
# The beginning of the problem from `phone`.
_NOTATION: Final = "a spreadsheet has turned it into scientific notation"
_ARTEFACTS: Final = (_SEVERAL, _FORMULA, _ERROR, _TOO_NARROW, _DATE, _ZEROS, _NOTATION)
# After scientific notation with six digits, as in 4.47701E+11, a number is a multiple of this.
_LOST_DIGITS: Final = 10**6
_FORMAT_AS_TEXT: Final = "format the column as text, and enter the number again from its source"


class Verdict(NamedTuple):
    """The result of parsing a cell.

    Attributes:
        destination: the number in the API's format; None if it cannot be texted.
        notice: how the number was mended; an empty string if it was not.
        problem: why it cannot be texted; an empty string if it can.
        suggestion: how a person can correct the problem; an empty string without one.
    """

    destination: str | None
    notice: str = ""
    problem: str = ""
    suggestion: str = ""


def judge_each(cells: Sequence[Any], rule: Rule) -> tuple[list[str | None], dict[int, Verdict]]:
    """Return the destination of each cell, and a verdict for each cell that needs more than that.

    Arguments:
        cells: text, or a value from a workbook or JSON.
        rule: the function for numbers that are not in one of the most common spellings.

    Returns:
        The destinations, in order, None for a cell that cannot be texted; and by index the verdicts
        on the cells that were mended or cannot be texted.
    """
    parts = _plain(cells)
    heads = [_HEADS.get(part[:-8], "") for part in parts]
    tails = [part[-8:] for part in parts]
    odd: list[int] = []
    joined = "".join(tails)
    if "" in heads or not _are_digits(joined):
        odd = [i for i, tail in enumerate(tails) if not heads[i] or not _are_digits(tail)]
    if "000000" in joined and not all(isinstance(cell, str) for cell in cells):
        odd = sorted({*odd, *(i for i, cell in enumerate(cells) if _has_lost_digits(cell))})
    destinations: list[str | None] = list(map(add, heads, tails))
    others: dict[int, Verdict] = {}
    for index in odd:
        part = parts[index]
        cell = cells[index]
        lost = None if _has_lost_digits(cell) else _LOST_HEADS.get(part[:-8])
        if lost is not None and _are_digits(part[-8:]) and _is_plain(cell):
            verdict = Verdict(lost + part[-8:], LOST_ZERO)
        else:
            verdict = judge(cell, rule)
        destinations[index] = verdict.destination
        others[index] = verdict
    return destinations, others


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is_plain(cell: Any) -> bool:
    """Return whether a cell is text or a number, rather than a boolean or a date."""
    return isinstance(cell, str) or (type(cell) in {int, float})


def _has_lost_digits(cell: Any) -> bool:
    """Return whether a numeric cell may have lost its last digits to scientific notation."""
    whole = None if isinstance(cell, str) else values.as_integer(cell)
    return whole is not None and whole > 0 and whole % _LOST_DIGITS == 0


def _plain(cells: Sequence[Any]) -> list[str]:
    """Return the text of each cell without spaces; an empty string for a cell without text."""
    try:
        joined: str = "\n".join(cells)
    except TypeError:  # not all are text
        joined = ""
    parts: Any = joined.replace(" ", "").split("\n")
    if len(parts) == len(cells) and joined:
        return parts  # type: ignore[no-any-return]
    return [_text_of(cell).replace(" ", "") for cell in cells]


def _text_of(cell: Any) -> str:
    """Return a cell's text: the digits of a whole number; an empty string for other types."""
    if isinstance(cell, str):
        return cell
    whole = values.as_integer(cell)
    return "" if whole is None else str(whole)


def is_blank(cell: Any) -> bool:
    """Return whether a cell is missing or consists of white space."""
    return values.is_missing(cell)


def looks_like_number(cell: Any, rule: Rule) -> bool:
    """Return whether a cell holds a number that can be texted, or one in scientific notation."""
    if is_blank(cell):
        return False
    verdict = judge(cell, rule)
    return verdict.destination is not None or "scientific" in verdict.problem


def judge(cell: Any, rule: Rule) -> Verdict:
    """Return the verdict on one cell."""
    if is_blank(cell):
        return Verdict(None, "", NO_NUMBER, "enter a number, or delete the row")
    if not isinstance(cell, str):
        return _judge_value(cell, rule)
    text, notices = _strip_artefacts(cell)
    if verdict := _no_number(text):
        return verdict
    if several := _several(text):
        return Verdict(None, "", _SEVERAL, _choose(several, rule))
    return _judge_text(text, notices, rule)


def is_artefact(problem: str) -> bool:
    """Return whether a problem says that a spreadsheet program has replaced or lost a number."""
    return problem.startswith(_ARTEFACTS)


def _no_number(text: str) -> Verdict | None:
    """Return the verdict on a formula or a spreadsheet's error value; None for any other text."""
    if text.startswith(("=", "@")):
        return Verdict(
            None,
            "",
            _FORMULA,
            "enter the number itself, or save the file with values only",
        )
    if _ERRORS.fullmatch(text):
        return Verdict(None, "", f"{_ERROR} {text}", "enter the number itself")
    if not text.strip("#"):
        return Verdict(
            None,
            "",
            _TOO_NARROW,
            "widen the column in the spreadsheet, and save the file again",
        )
    return None


def _judge_value(cell: Any, rule: Rule) -> Verdict:
    """Return the verdict on a cell that is not text, from a workbook or JSON."""
    if isinstance(cell, date | time | timedelta):
        return Verdict(None, "", _DATE, _FORMAT_AS_TEXT)
    if isinstance(cell, bool) or values.as_number(cell) is None:
        kind = "a truth value" if isinstance(cell, bool) else f"a {type(cell).__name__}"
        return Verdict(None, "", f"it is {kind}, not a number", "enter the number as text")
    whole = values.as_integer(cell)
    if whole is None or whole <= 0:
        return Verdict(None, "", f"{cell} is not a phone number", _FORMAT_AS_TEXT)
    if _has_lost_digits(cell) and _is_valid(str(whole), rule):
        return Verdict(None, "", _ZEROS, _FORMAT_AS_TEXT)
    return _judge_text(str(whole), [], rule)


def _strip_artefacts(cell: str) -> tuple[str, list[str]]:
    """Return a cell's text without hidden characters, formula and apostrophe, and the notices."""
    notices = []
    text = cell.strip()
    seen = "".join(map(_visible, text)) if not text.isascii() else text
    if seen != text:
        notices.append(HIDDEN)
        text = seen.strip()
    if wrapped := _WRAPPED.fullmatch(text):
        notices.append(FORMULA)
        text = next(filter(None, wrapped.groups()), "").strip()
    if text[:1] and text[0] in _APOSTROPHES:
        notices.append(APOSTROPHE)
        text = text.strip(_APOSTROPHES).strip()
    return text, notices


def _visible(character: str) -> str:
    """Return a character: a space for any blank, an empty string for an invisible character."""
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return "" if category in {"Cf", "Cc"} and character not in "\n\r\t" else character


def _judge_text(text: str, notices: list[str], rule: Rule) -> Verdict:
    text = _DECIMAL_COMMA.sub(r"\1.0", text)
    try:
        destination = rule(text)
    except ValidationError as error:
        problem = _reason(error)
        return Verdict(None, "", problem, _suggest(text, problem, rule))
    if "e" in text.lower():
        notices.append(SCIENTIFIC)
    elif re.fullmatch(r"\d+[.]0", text):
        notices.append(DECIMAL)
    if not text.isascii() and any(c.isdecimal() and not c.isascii() for c in text):
        notices.append(OTHER_DIGITS)
    digits = re.sub(r"[.]0$", "", text).lstrip("+0 (")
    if (
        destination.startswith("447")
        and digits[:1] == "7"
        and not text.startswith(("0", "(0", "+"))
    ):
        notices.append(LOST_ZERO)
    return Verdict(destination, "; ".join(notices))


def _reason(error: ValidationError) -> str:
    """Return the problem from an error's message, without the field, the number and the advice."""
    words = str(error).removeprefix("destination ")
    if words.startswith("\u2026"):
        words = words.partition(": ")[2]
    return words.partition("; ")[0]


def _several(text: str) -> list[str]:
    """Return the numbers in a text that holds more than one; otherwise an empty list."""
    parts = [part.strip() for part in _NUMBERS_APART.split(text)]
    long = [part for part in parts if sum(map(str.isdecimal, part)) >= _FEWEST_DIGITS]
    if len(long) < 2:
        long = [match[0] for match in _MOBILE_INSIDE.finditer(text)]
    return long if len(long) > 1 else []


def _choose(numbers: list[str], rule: Rule) -> str:
    mobiles = [number for number in numbers if _is_valid(number, rule)]
    if len(mobiles) == 1:
        return f"keep {mobiles[0]}, the only mobile number"
    return f"keep one of them: {' or '.join(mobiles or numbers)}"


def _suggest(text: str, problem: str, rule: Rule) -> str:
    """Return a suggestion for a cell that the rule refused."""
    if "scientific" in problem:
        return _FORMAT_AS_TEXT
    inside = {match[0].strip() for match in _MOBILE_INSIDE.finditer(text)}
    if len(inside) == 1 and _is_valid(found := inside.pop(), rule):
        return f"enter only {found}"
    digits = "".join(filter(str.isdecimal, text))
    national = digits.removeprefix("00").removeprefix("44").removeprefix("0")
    if national.startswith("7") and len(national) in {8, 9, 11, 12}:
        missing = 10 - len(national)
        count = "one digit" if abs(missing) == 1 else "two digits"
        return f"{count} {'missing' if missing > 0 else 'too many'}: correct it, or delete the row"
    if text.strip().startswith(("+", "00")) and not digits.removeprefix("00").startswith("44"):
        return "allow numbers outside the UK (--international), or delete the row"
    return "enter a mobile number, or delete the row"


def _is_valid(number: str, rule: Rule) -> bool:
    try:
        rule(number)
    except ValidationError:
        return False
    return True


def notices_of(notice: str) -> list[str]:
    """Return the separate notices that a verdict's notice consists of."""
    return notice.split("; ") if notice else []
