import itertools
import re
from collections import Counter
from importlib import resources

import pytest

from smsworks_async.errors import ValidationError
from smsworks_async.phone import normalise


RAW = (resources.files("smsworks_async") / "cli" / "recipients.txt").read_bytes()
LINES = RAW.decode("utf-8").split("\n")[:-1]

# The prefixes of Ofcom's numbers for drama that the file uses, in national form without the 0. Any
# digits may follow.
DRAMA = "0{0,2}(?:44)?0?(?:7700900|2079460|1314960|1614960|1632960|8081570|3069990|9098790)"


def wire_or_reason(line):
    try:
        return normalise(line), None
    except ValidationError as error:
        return None, str(error)


WIRES, REASONS = zip(*map(wire_or_reason, LINES), strict=True)
INVALID = [line for line, wire in zip(LINES, WIRES, strict=True) if wire is None]


def shape(line):
    return re.sub(r"\d", "9", line)


def test_demo_recipients_are_one_a_line_and_no_line_repeats():
    assert len(LINES) == len(set(LINES)) == 1200
    assert RAW.endswith(b"\n")
    assert b"\r" not in RAW
    assert all(line.strip() and line.splitlines() == [line] for line in LINES)
    assert all(line == line.rstrip() for line in LINES)


def test_demo_recipients_hold_every_number_reserved_for_drama():
    assert {w for w in WIRES if w} == {f"447700900{n:03}" for n in range(1000)}


def test_demo_recipients_repeat_150_numbers_in_another_format():
    seen = {}
    repeats = 0
    for line, wire in zip(LINES, WIRES, strict=True):
        if wire in seen:
            repeats += 1
            assert shape(line) != shape(seen[wire])
        elif wire:
            seen[wire] = line
    assert repeats == 150


def test_demo_recipients_hold_50_mistakes_of_many_kinds():
    assert len(INVALID) == 50
    reasons = Counter(reason.partition(": ")[2] for reason in REASONS if reason)
    assert len(reasons) >= 10
    assert max(reasons.values()) <= 20


@pytest.mark.parametrize("line", INVALID)
def test_demo_recipients_mistakes_are_nobodys_number(line):
    digits = re.sub(r"[Ee][+]\d\d$|\D", "", line.replace("O", "0").replace("1l", "11"))
    # Fewer than nine digits are not a number; two numbers in a line follow one another.
    assert len(digits) < 9 or re.fullmatch(rf"(?:{DRAMA}\d{{2,4}})+", digits)


def test_demo_recipients_are_written_in_the_many_formats_people_use():
    shapes = Counter(shape(line) for line, wire in zip(LINES, WIRES, strict=True) if wire)
    assert len(shapes) >= 30
    assert max(shapes.values()) < 1200 / 5


def test_demo_recipients_in_a_row_have_no_neighbouring_numbers():
    for one, next_one in itertools.pairwise(WIRES):
        assert one or next_one  # mistakes are spread over the file
        if one and next_one:
            assert abs(int(one) - int(next_one)) > 1
