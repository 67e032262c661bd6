# Look-alike characters are tested.
# ruff: noqa: RUF001

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsworks_async.errors import ValidationError
from smsworks_async.text import Encoding, measure, to_gsm


GSM = "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0189:;<=>?¡AZÄÖÑÜ§¿azäöñüà\f^{}\\[~]|€"
WORD = "‘’“”–—…•\u00a0\u00ad\u200b½²™®©ﬁâ\u0301\u0302\u200d\ufe0f\r\n\x0b\u2028≠→😀я中\u0306и"
TEXTS = st.text() | st.text(st.sampled_from(GSM + WORD))


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("‘single’ ‚low‛ ′prime", "'single' 'low' 'prime"),
        ("“double” „low‟ ″prime", '"double" "low" "prime'),
        ("«guillemets» ‹single›", "\"guillemets\" 'single'"),
        ("a‐b‑c‒d–e—f―g−h", "a-b-c-d-e-f-g-h"),
        ("wait…", "wait..."),
        ("• one\n‣ two", "- one\n- two"),
        ("a\u00a0b\u2003c\u2009d\u202fe\u3000f\tg", "a b c d e f g"),
        (
            "so\u00adft zero\u200bwidth \ufeffmark \u2060join \u200eleft",
            "soft zerowidth mark join left",
        ),
        ("ﬁne ﬂow eﬃcient œuvre", "fine flow efficient oeuvre"),
        ("ＦＵＬＬ　ｗｉｄｔｈ１２３！", "FULL width123!"),
        ("Acme™ Brand® ©2025 №5", "AcmeTM Brand(R) (C)2025 No5"),
        ("½ hour, 1½ hours, ¾ full", "1/2 hour, 1 1/2 hours, 3/4 full"),
        ("m², H₂O, 10², 10¹²", "m2, H2O, 10^2, 10^12"),
        ("£3·50", "£3.50"),
        ("2 × 3 ÷ 4 ± 1", "2 x 3 / 4 +/- 1"),
        ("→ ⇒ ≤ ≥ ≈", "-> => <= >= ~"),
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x85g", "a\nb\nc\nd\ne\nf\ng"),
        ("non\x1ebreaking op\x1ftional", "non-breaking optional"),
        ("es\x1bcape \x00nul", "escape nul"),
        ("`tick` ´acute´", "'tick' 'acute'"),
        ("𝐇𝐞𝐥𝐥𝐨", "Hello"),
    ],
)
def test_to_gsm_makes_plain_what_word_processors_put_in(typed, sent):
    assert to_gsm(typed) == sent
    assert measure(sent).encoding is Encoding.GSM


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("é è ù ì ò à ä ö ñ ü å ø æ ß Ç É", "é è ù ì ò à ä ö ñ ü å ø æ ß Ç É"),
        ("e\u0301 u\u0308 A\u030a", "é ü Å"),  # decomposed, as on macOS
        ("â ê î ô û ç ë ï ÿ ã õ á í ó ú", "a e i o u c e i y a o a i o u"),
        ("Łódź Đorđe Kuşadası þing", "Lodz Dorde Kusadasi thing"),
        ("x\u0302 n\u0304\u0301", "x n"),
        ("\u212b \u2126", "Å Ω"),  # the signs ångström and ohm
    ],
)
def test_to_gsm_keeps_accents_that_gsm_has_and_removes_others(typed, sent):
    assert to_gsm(typed) == sent


@pytest.mark.parametrize(
    "content",
    [
        "😀",
        "👩‍👩‍👧 family",
        "❤️ and 👍🏽",
        "中文",
        "привёт й",
        "ά",
        "हिन्दी",
        "می‌خواهم",
        "한국어",
        "20°C",
        "a ≠ b",
        "≮",
    ],
)
def test_to_gsm_leaves_what_has_no_equivalent(content):
    assert to_gsm(content) == content
    assert measure(content).encoding is Encoding.UNICODE


def test_to_gsm_turns_an_emoji_made_of_plain_characters_into_them():
    assert to_gsm("Press 1️⃣ or ™️") == "Press 1 or TM"


@given(TEXTS)
@example("и\u200b\u0306")
@example("\r\u200b\n")
def test_to_gsm_twice_is_to_gsm_once(content):
    assert to_gsm(to_gsm(content)) == to_gsm(content)


@given(st.text(st.sampled_from(GSM)))
def test_to_gsm_leaves_a_text_of_the_alphabet_alone(content):
    assert to_gsm(content) == content


@given(TEXTS)
def test_to_gsm_never_adds_an_offender(content):
    composed = unicodedata.normalize("NFC", content)
    before = {offender.character for offender in measure(composed).offenders}
    after = {offender.character for offender in measure(to_gsm(content)).offenders}
    # After an invisible character between a letter and its accent is removed, they are composed.
    assert {unicodedata.normalize("NFD", c)[0] for c in after} <= {
        unicodedata.normalize("NFD", c)[0] for c in before
    }


@given(st.text(st.sampled_from("aé ‘“–\u00a0â€^ﬁ\r\n\u00ad→≤"), min_size=50, max_size=400))
def test_to_gsm_replacements_of_one_or_two_septets_never_cost_a_segment(content):
    cleaned = measure(to_gsm(content))
    assert cleaned.encoding is Encoding.GSM
    assert cleaned.segments <= measure(content).segments


def test_to_gsm_refuses_half_a_surrogate_pair_and_other_types():
    for content in ("\ud83d", None, b"bytes"):
        with pytest.raises(ValidationError) as refused:
            to_gsm(content)
        assert refused.value.field == "content"
