"""Numbers as spreadsheets spell them: taken, mended with a notice, or refused with a suggestion."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from operator import add
from typing import Any, Final, NamedTuple

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


#: What turns a number into a destination, or raises `ValidationError`: `phone.destination_rule`'s.
Rule = Callable[[Any], str]

LOST_ZERO: Final = "its leading 0 had been lost"
DECIMAL: Final = "it was written as a decimal number"
SCIENTIFIC: Final = "it was in scientific notation, with all of its digits"
APOSTROPHE: Final = "an apostrophe stood before it"
FORMULA: Final = "it was wrapped in a formula"
HIDDEN: Final = "hidden characters stood in it"
OTHER_DIGITS: Final = "its digits were of another script"

# What stands before the last eight digits of a UK mobile, with what it becomes (see `phone`). Most
# cells are found here; the rule judges the others. 076 is left out: some of it are pagers.
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
#: The problem of a cell that is blank, while others in its row are not.
NO_NUMBER: Final = "there is no number"
# What a number is a multiple of after scientific notation with six digits, as in 4.47701E+11.
_LOST_DIGITS: Final = 10**6
_FORMAT_AS_TEXT: Final = "format the column as text, and enter the number again from its source"


class Verdict(NamedTuple):
    """What becomes of a cell.

    Attributes:
        destination: the number as the API takes it; None where it cannot be texted.
        notice: how it was mended, or an empty string.
        problem: why it cannot be texted, or an empty string.
        suggestion: what a person may do about that.
    """

    destination: str | None
    notice: str = ""
    problem: str = ""
    suggestion: str = ""


def judge_each(cells: Sequence[Any], rule: Rule) -> tuple[list[str | None], dict[int, Verdict]]:
    """Return the destinations of cells, and the verdicts, by index, that are more than that.

    Arguments:
        cells: text, or what a workbook or JSON holds.
        rule: what judges a number that is not in one of the most usual spellings.
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
    """Return whether a cell is no date or truth value that merely has digits."""
    return isinstance(cell, str) or (type(cell) in {int, float})


def _has_lost_digits(cell: Any) -> bool:
    """Return whether a cell is a number that was once saved in scientific notation."""
    whole = None if isinstance(cell, str) else values.as_integer(cell)
    return whole is not None and whole > 0 and whole % _LOST_DIGITS == 0


def _plain(cells: Sequence[Any]) -> list[str]:
    """Return cells as text without blanks, for the quick look; what has none becomes empty."""
    try:
        joined: str = "\n".join(cells)
    except TypeError:  # a workbook's numbers, say
        joined = ""
    parts: Any = joined.replace(" ", "").split("\n")
    if len(parts) == len(cells) and joined:
        return parts  # type: ignore[no-any-return]
    return [_text_of(cell).replace(" ", "") for cell in cells]


def _text_of(cell: Any) -> str:
    """Return a cell's text: of a number its digits, of anything else nothing."""
    if isinstance(cell, str):
        return cell
    whole = values.as_integer(cell)
    return "" if whole is None else str(whole)


def is_blank(cell: Any) -> bool:
    """Return whether nothing can be seen in a cell."""
    return values.is_missing(cell)


def looks_like_number(cell: Any, rule: Rule) -> bool:
    """Return whether a cell holds a number that can be texted, or one that has lost digits."""
    if is_blank(cell):
        return False
    verdict = judge(cell, rule)
    return verdict.destination is not None or "scientific" in verdict.problem


def judge(cell: Any, rule: Rule) -> Verdict:
    """Return what becomes of one cell."""
    if is_blank(cell):
        return Verdict(None, "", NO_NUMBER, "enter a number, or delete the row")
    if not isinstance(cell, str):
        return _judge_value(cell, rule)
    text, notices = _without_traces(cell)
    if verdict := _no_number(text):
        return verdict
    if several := _several(text):
        return Verdict(None, "", "it holds more than one number", _choose(several, rule))
    return _judge_text(text, notices, rule)


def _no_number(text: str) -> Verdict | None:
    """Return the verdict on what a spreadsheet writes in the place of a number."""
    if text.startswith(("=", "@")):
        return Verdict(
            None, "", "it is a formula", "enter the number itself, or save the values alone"
        )
    if _ERRORS.fullmatch(text):
        return Verdict(None, "", f"it is the spreadsheet's error {text}", "enter the number itself")
    if not text.strip("#"):
        return Verdict(
            None,
            "",
            "the column was too narrow to show it when the file was saved",
            "widen the column in the spreadsheet, and save the file again",
        )
    return None


def _judge_value(cell: Any, rule: Rule) -> Verdict:
    """Return what becomes of a cell that is no text: of a workbook, or of JSON."""
    if isinstance(cell, date | time | timedelta):
        return Verdict(None, "", "it is a date or a time", _FORMAT_AS_TEXT)
    if isinstance(cell, bool) or values.as_number(cell) is None:
        kind = "a truth value" if isinstance(cell, bool) else f"a {type(cell).__name__}"
        return Verdict(None, "", f"it is {kind} and no number", "enter the number as text")
    whole = values.as_integer(cell)
    if whole is None or whole <= 0:
        return Verdict(None, "", f"{cell} is not a phone number", _FORMAT_AS_TEXT)
    if _has_lost_digits(cell) and _is_valid(str(whole), rule):
        problem = "its last six digits are zeros, probably lost to scientific notation"
        return Verdict(None, "", problem, _FORMAT_AS_TEXT)
    return _judge_text(str(whole), [], rule)


def _without_traces(cell: str) -> tuple[str, list[str]]:
    """Return a cell without what came along with its number, and notices of that."""
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
    """Return a character; of a blank a space, of a mark that nobody sees nothing."""
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
    """Return what an error says is wrong, without the field, the masked number and the advice."""
    words = str(error).removeprefix("destination ")
    if words.startswith("\u2026"):
        words = words.partition(": ")[2]
    return words.partition("; ")[0]


def _several(text: str) -> list[str]:
    """Return the numbers in a text that holds more than one."""
    parts = [part.strip() for part in _NUMBERS_APART.split(text)]
    long = [part for part in parts if sum(map(str.isdecimal, part)) >= _FEWEST_DIGITS]
    if len(long) < 2:
        long = [match[0] for match in _MOBILE_INSIDE.finditer(text)]
    return long if len(long) > 1 else []


def _choose(numbers: list[str], rule: Rule) -> str:
    mobiles = [number for number in numbers if _is_valid(number, rule)]
    if len(mobiles) == 1:
        return f"keep {mobiles[0]}, the only one that can be texted"
    return f"keep one of them: {' or '.join(mobiles or numbers)}"


def _suggest(text: str, problem: str, rule: Rule) -> str:
    """Return what may mend a cell that the rule refused."""
    if "scientific" in problem:
        return _FORMAT_AS_TEXT
    inside = {match[0].strip() for match in _MOBILE_INSIDE.finditer(text)}
    if len(inside) == 1 and _is_valid(found := inside.pop(), rule):
        return f"write {found} alone"
    digits = "".join(filter(str.isdecimal, text))
    national = digits.removeprefix("00").removeprefix("44").removeprefix("0")
    if national.startswith("7") and len(national) in {8, 9, 11, 12}:
        missing = 10 - len(national)
        count = "one digit" if abs(missing) == 1 else "two digits"
        return f"{count} {'missing' if missing > 0 else 'too many'}: correct it, or delete the row"
    return "enter a mobile number, or delete the row"


def _is_valid(number: str, rule: Rule) -> bool:
    try:
        rule(number)
    except ValidationError:
        return False
    return True


def notices_of(notice: str) -> list[str]:
    """Return the single notices of a verdict that has several."""
    return notice.split("; ") if notice else []
