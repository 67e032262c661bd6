"""The cost of a text to another country."""

from __future__ import annotations

import json

import pytest

from smsworks_async import (
    OutcomeUnknown,
    ValidationError,
)
from smsworks_async.sandbox import Fault


@pytest.mark.parametrize("country", ["", "F", "FRA", "F1", "ÄÖ", "F/", 33, None, ["FR"]])
async def test_cost_wants_a_country_of_two_letters(box, sms, country):
    with pytest.raises(ValidationError) as refused:
        await sms.credits.cost(country=country)
    assert refused.value.field == "country"
    assert box.requests == []


async def test_cost_without_its_credits_is_no_answer_and_other_fields_are_kept(box, sms):
    def answer(**fields):
        box.add_fault(Fault(path="/credits/FR", status=200, body=json.dumps(fields)))

    answer(code="FR", country="France", credits="2.5", currency="GBP")
    cost = await sms.credits.cost(country="FR")
    assert (cost.credits, cost.extra) == (2.5, {"currency": "GBP"})
    box.clear_faults()
    answer(code="FR", country="France")
    with pytest.raises(OutcomeUnknown) as unknown:
        await sms.credits.cost(country="FR")
    assert unknown.value.safe_to_repeat
