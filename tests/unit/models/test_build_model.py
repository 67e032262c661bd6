"""Messages and rows as mappings: unknown fields are refused."""

from __future__ import annotations

import typing

import attrs
import pytest

from smsworks_async import AsyncSMSWorks, Message, MessageFields, ValidationError
from smsworks_async.models.checks import build_model


TEXT = {"sender": "AcmeCorp", "destination": "07700 900123", "content": "Hello"}


def test_message_fields_are_those_of_a_message_for_type_checkers():
    of_model = attrs.fields_dict(Message)
    hints = typing.get_type_hints(MessageFields, include_extras=True)
    assert set(hints) == set(of_model)
    required = {name for name, hint in hints.items() if typing.get_origin(hint) is typing.Required}
    assert required == {name for name, field in of_model.items() if field.default is attrs.NOTHING}


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"to": "07700 900123"}, "to", "there is no field to"),
        ({"destnation": "x"}, "destnation", "no field destnation; did you mean destination?"),
        ({"destinations": []}, "destinations", "did you mean destination?"),
        ({"07700 900123": 1}, "message", "no field with this name"),
        ({7700900123: 1}, "message", "no field with this name"),
        ({"a" * 50_000: 1}, "message", "no field with this name"),
    ],
)
def test_build_model_refuses_a_name_that_no_field_has(given, field, message):
    with pytest.raises(ValidationError) as refused:
        build_model(Message, {**TEXT, **given})
    assert refused.value.field == field
    assert message in str(refused.value)
    assert "900123" not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None  # it would name the field


def test_build_model_names_what_is_missing():
    with pytest.raises(ValidationError, match=r"^sender and destination must be given$") as refused:
        build_model(Message, {"content": "Hello"})
    assert refused.value.field == "sender"


def test_build_model_raises_an_error_of_another_kind_as_it_is():
    @attrs.frozen
    class Odd:
        value: int = attrs.field(converter=lambda value: value + 1)

    with pytest.raises(TypeError, match="NoneType"):
        build_model(Odd, {"value": None})


@pytest.mark.parametrize("wrong", [{**TEXT, "too": 1}, {"sender": "AcmeCorp", "content": "Hello"}])
async def test_send_each_refuses_a_wrong_or_missing_name_before_the_wire(wrong):
    async with AsyncSMSWorks("eyJ", base_url="http://127.0.0.1:9/v1") as sms:
        with pytest.raises(ValidationError, match=r"messages\[0\]"):
            await sms.batches.send_each(messages=[wrong])
        report = await sms.bulk.send_each(messages=[wrong])
    assert (report.read, report.invalid) == (1, 1)
