# Look-alike characters are tested.
# ruff: noqa: RUF001

import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsworks_async.errors import ValidationError
from smsworks_async.text import Encoding, Offender, TextMeasure, measure, split, utf16_units


# Written down a second time, from the tables of 3GPP TS 23.038, by their code points.
ONE_SEPTET = {
    *map(chr, range(0x20, 0x60)),
    *map(chr, range(0x61, 0x7B)),
    *"\n\r\u00a1\u00a3\u00a4\u00a5\u00a7\u00bf",
    *"\u00c4\u00c5\u00c6\u00c7\u00c9\u00d1\u00d6\u00d8\u00dc\u00df",
    *"\u00e0\u00e4\u00e5\u00e6\u00e8\u00e9\u00ec\u00f1\u00f2\u00f6\u00f8\u00f9\u00fc",
    *"\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9",
} - {"[", "\\", "]", "^"}
TWO_SEPTETS = {"\f", "^", "{", "}", "\\", "[", "~", "]", "|", "\u20ac"}


def pack(widths, single, part):
    """Fill parts one character at a time; a character that does not fit opens the next part."""
    if sum(widths) <= single:
        return 1 if widths else 0
    parts, room = 0, 0
    for width in widths:
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts


def slow_measure(content):
    offenders = tuple(
        Offender(character, position)
        for position, character in enumerate(content)
        if character not in ONE_SEPTET | TWO_SEPTETS
    )
    if offenders:
        widths = [2 if ord(character) > 0xFFFF else 1 for character in content]
        credits, rest = divmod(sum(widths), 70)
        credits += rest > 0
        return TextMeasure(
            Encoding.UNICODE, sum(widths), pack(widths, 70, 67), float(credits), offenders
        )
    widths = [2 if character in TWO_SEPTETS else 1 for character in content]
    segments = pack(widths, 160, 153)
    return TextMeasure(Encoding.GSM, sum(widths), segments, float(segments), ())


@st.composite
def texts_near_a_border(draw):
    """Draw texts that end near the end of a part, with pairs strewn about the borders."""
    pairs, single, part = draw(
        st.sampled_from([("€", 160, 153), ("[", 160, 153), ("😀", 70, 67), ("я", 70, 67)])
    )
    border = draw(st.sampled_from([single, *(part * n for n in range(1, 9))]))
    length = max(0, border + draw(st.integers(-4, 4)))
    characters = ["a"] * length
    places = st.integers(0, max(0, length - 1)) | st.sampled_from(
        [min(max(0, n * part + near), max(0, length - 1)) for n in range(9) for near in (-2, -1, 0)]
    )
    for place in draw(st.lists(places, max_size=8)) if length else []:
        characters[place] = pairs
    return "".join(characters)


TEXTS = (
    texts_near_a_border()
    | st.text(st.sampled_from(sorted(ONE_SEPTET)), max_size=400)
    | st.text(st.sampled_from(sorted(ONE_SEPTET | TWO_SEPTETS)), max_size=400)
    | st.text(max_size=300)
)


@settings(max_examples=500)
@given(TEXTS)
@example("a" * 152 + "€" + "a" * 152)
@example("a" * 66 + "😀" + "a" * 66)
@example("\x1b")
def test_measure_agrees_with_an_encoder_that_packs_one_character_at_a_time(content):
    assert measure(content) == slow_measure(content)


@given(TEXTS)
def test_measure_estimates_no_less_than_any_reading_of_the_tariff_for_gsm(content):
    measured = measure(content)
    if measured.encoding is Encoding.GSM and measured.units > 160:
        assert measured.credits >= measured.units / 153
        assert measured.credits == measured.segments


@pytest.mark.parametrize(
    ("content", "encoding", "units", "segments", "credits"),
    [
        ("", "GSM", 0, 0, 0),
        ("a", "GSM", 1, 1, 1),
        ("a" * 160, "GSM", 160, 1, 1),
        ("a" * 161, "GSM", 161, 2, 2),
        ("a" * 306, "GSM", 306, 2, 2),
        ("a" * 307, "GSM", 307, 3, 3),
        ("a" * 1280, "GSM", 1280, 9, 9),
        ("€" * 80, "GSM", 160, 1, 1),
        ("€" * 81, "GSM", 162, 2, 2),
        ("a" * 152 + "€" + "a" * 151, "GSM", 305, 2, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM", 306, 3, 3),
        ("я" * 70, "Unicode", 70, 1, 1),
        ("я" * 71, "Unicode", 71, 2, 2),
        ("я" * 135, "Unicode", 135, 3, 2),
        ("я" * 1280, "Unicode", 1280, 20, 19),
        ("😀" * 35, "Unicode", 70, 1, 1),
        ("😀" * 36, "Unicode", 72, 2, 2),
        ("a" * 66 + "😀" + "a" * 66, "Unicode", 134, 3, 2),
        ("€" + "я" * 69, "Unicode", 70, 1, 1),  # outside GSM the euro is one unit
    ],
)
def test_measure_of_known_lengths(content, encoding, units, segments, credits):
    measured = measure(content)
    assert (measured.encoding, measured.units) == (encoding, units)
    assert (measured.segments, measured.credits) == (segments, credits)
    assert isinstance(measured.credits, float)


@pytest.mark.parametrize("character", sorted(ONE_SEPTET))
def test_measure_counts_a_character_of_the_alphabet_as_one_septet(character):
    assert measure(character).units == 1
    assert measure(character).encoding == "GSM"


@pytest.mark.parametrize("character", sorted(TWO_SEPTETS))
def test_measure_counts_a_character_of_the_extension_as_two_septets(character):
    assert measure(character).units == 2
    assert measure(character).encoding == "GSM"


def test_measure_knows_all_of_the_standards_alphabet():
    gsm = [c for c in map(chr, range(0xD800)) if measure(c).encoding is Encoding.GSM]
    assert len(gsm) == 127 + 10


@pytest.mark.parametrize("character", ["ç", "`", "\t", "\x00", "\x1b", "’", "\u00a0", "°", "👍"])
def test_measure_takes_unicode_where_the_alphabet_lacks_a_character(character):
    assert measure(character).offenders == (Offender(character, 0),)


def test_measure_finds_offenders_where_they_stand():
    content = "It’s 😀 at the café… ’"
    offenders = measure(content).offenders
    assert [(o.character, o.position) for o in offenders] == [
        ("’", 2),
        ("😀", 5),
        ("…", 18),
        ("’", 20),
    ]
    assert all(content[o.position] == o.character for o in offenders)


@given(st.text())
def test_utf16_units_are_what_javascript_calls_length(content):
    assert utf16_units(content) == sum(2 if ord(c) > 0xFFFF else 1 for c in content)


@pytest.mark.parametrize("function", [measure, utf16_units])
@pytest.mark.parametrize("content", ["caf\udce9", "\ud83d", "a\ude00\ud83d"])
def test_measure_refuses_half_a_surrogate_pair_with_a_way_to_mend_it(function, content):
    with pytest.raises(ValidationError, match="surrogate pair at position") as refused:
        function(content)
    assert refused.value.field == "content"
    assert "surrogatepass" in str(refused.value)
    mended = content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert function(mended)


@pytest.mark.parametrize("function", [measure, utf16_units])
@pytest.mark.parametrize("content", [None, b"Hello", 160, ["a"]])
def test_measure_refuses_what_is_not_a_string(function, content):
    with pytest.raises(ValidationError, match="must be a str") as refused:
        function(content)
    assert refused.value.field == "content"


def test_measure_returns_what_pickles_and_hashes():
    measured = measure("It’s")
    assert pickle.loads(pickle.dumps(measured)) == measured
    assert len({measured, measure("It’s")}) == 1


@given(texts_near_a_border())
def test_split_returns_the_parts_that_measure_counts(content):
    parts = split(content)
    assert "".join(parts) == content
    assert len(parts) == measure(content).segments
    room = 153 if measure(content).encoding is Encoding.GSM else 67
    if len(parts) > 1:
        wide = TWO_SEPTETS if room == 153 else {c for c in content if ord(c) > 0xFFFF}
        widths = [sum(2 if c in wide else 1 for c in part) for part in parts]
        assert max(widths) <= room
        assert min(widths[:-1]) >= room - 1


def test_split_of_no_text_has_no_parts():
    assert split("") == []
