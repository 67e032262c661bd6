"""A spreadsheet that opens an export computes nothing."""

from __future__ import annotations

import csv
import json

import pytest

from smsworks_async._csv_files import neutralised
from support.messages import TEXT_TO_MANY as TEXT


FORMULAS = [
    '=HYPERLINK("http://127.0.0.1","x")',
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1;1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
]
READABLE = ["+44 7700 900", "+44", "nobody", "a=b", "", "07700-900", "'=1"]


@pytest.mark.parametrize("value", FORMULAS)
def test_neutralised_puts_an_apostrophe_before_what_begins_as_a_formula(value):
    assert neutralised(value) == f"'{value}"


@pytest.mark.parametrize("value", [*READABLE, 5, -5, None, 2.5])
def test_neutralised_leaves_numbers_and_other_words_as_they_are(value):
    assert neutralised(value) == value


async def test_export_has_no_formulas_in_csv_and_exact_words_in_json_lines(sms, tmp_path):
    people = ["07700 900001", *FORMULAS, *filter(None, READABLE)]
    path = tmp_path / "journal.db"
    report = await sms.bulk.send(**TEXT, destinations=people, journal=path, campaign="x")
    assert report.accepted == 1
    for name in ("out.csv", "out.jsonl"):
        await sms.bulk.export("x", journal=path, to=tmp_path / name)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    exact = {line["position"]: line["destination"] for line in lines}
    assert [exact[at] for at in range(1, len(people))] == people[1:]
    written = {int(row["position"]): row["destination"] for row in rows}
    assert [written[at] for at in range(1, len(people))] == [
        *(f"'{value}" for value in FORMULAS),
        *filter(None, READABLE),
    ]
    for row in rows:
        for cell in row.values():
            assert cell[:1] not in set("=-@\t\r\n")


async def test_export_names_the_folder_that_is_missing(sms, tmp_path):
    path = tmp_path / "journal.db"
    await sms.bulk.send(**TEXT, destinations=["07700 900001"], journal=path, campaign="x")
    with pytest.raises(FileNotFoundError) as caught:
        await sms.bulk.export("x", journal=path, to=tmp_path / "none" / "out.csv")
    assert caught.value.filename == str(tmp_path / "none")
