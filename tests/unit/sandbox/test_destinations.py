import pytest

from smsworks_async.sandbox import destinations
from smsworks_async.sandbox.codes import CODES


@pytest.mark.parametrize(
    ("given_as", "kept_as"),
    [
        ("07700900123", "447700900123"),
        ("447700900123", "447700900123"),
        ("33123456789", "33123456789"),
        ("79161234567", "79161234567"),
        ("+447700900123", None),
        ("00447700900123", None),
        ("7700900123", None),
        ("4477009001", None),
        ("441632960000", None),
        ("44770090012345", None),
        ("07700 900123", None),
        ("٠٧٧٠٠٩٠٠١٢٣", None),
        ("123456", None),
        ("1" * 16, None),
        ("abc", None),
        ("", None),
    ],
)
def test_destinations_have_one_shape_on_the_wire(given_as, kept_as):
    assert destinations.normalise(given_as) == kept_as


def test_destinations_reserved_for_drama_are_delivered_but_for_twelve():
    results = {
        number: destinations.delivery_result(f"447700900{number:03}") for number in range(1000)
    }
    failing = {number: result for number, result in results.items() if result.status != "DELIVERED"}
    assert {number: result.code for number, result in failing.items()} == {
        number: number + 4500
        for number in (501, 502, 504, 506, 508, 509, 510, 511, 513, 515, 520, 534)
    }
    assert {result.status for result in failing.values()} == {"UNDELIVERED", "EXPIRED", "REJECTED"}
    assert results[515].status == "EXPIRED"
    assert {result.code for result in failing.values()} <= CODES.keys()
