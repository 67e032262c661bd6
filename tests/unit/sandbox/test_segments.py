import pytest

from smsworks_async.sandbox.segments import measure, utf16_units


@pytest.mark.parametrize(
    ("text", "segments", "credits"),
    [
        ("a", 1, 1),
        ("a" * 160, 1, 1),
        ("a" * 161, 2, 2),
        ("a" * 306, 2, 2),
        ("a" * 307, 3, 3),
        ("€" * 80, 1, 1),
        ("€" * 81, 2, 2),
        ("a" * 152 + "€" + "a" * 152, 3, 3),
        ("ä\f^{}\\[~]|", 1, 1),
        ("д", 1, 1),
        ("д" * 70, 1, 1),
        ("д" * 71, 2, 2),
        ("д" * 135, 3, 2),
        ("д" * 1280, 20, 19),
        ("😀" * 35, 1, 1),
        ("😀" * 36, 2, 2),
        ("a" * 66 + "😀" + "a" * 67, 3, 2),
    ],
)
def test_measure_counts_segments_and_credits(text, segments, credits):
    size = measure(text)
    assert (size.segments, size.credits) == (segments, credits)


def test_utf16_units_count_half_a_pair_as_one():
    assert utf16_units("a€😀") == 4
    assert utf16_units("\ud83d") == 1
