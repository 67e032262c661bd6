"""A campaign's report as text."""

from __future__ import annotations

import pytest

from smsworks_async import BulkReport
from smsworks_async.cli._app import App
from smsworks_async.cli._campaign_records import show_report


@pytest.mark.parametrize(("credits", "words"), [(1.5, "1.5"), (1_234_567.0, "1,234,567")])
def test_show_report_has_all_digits_of_the_credits(credits, words, capsys):
    show_report(App(), "2031-05", BulkReport(read=1, accepted=1, credits=credits))
    assert f"credits   {words} (estimated)\n" in capsys.readouterr().out
