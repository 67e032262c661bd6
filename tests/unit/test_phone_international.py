"""Numbers outside the UK, validated by the phonenumbers library."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.phone import (
    is_uk,
    normalise,
)


def refusal(number, **options):
    with pytest.raises(ValidationError) as refused:
        normalise(number, **options)
    assert refused.value.field == "destination"
    assert refused.value.code == 4004
    return str(refused.value)


NUMBER_LIKE = st.text(st.sampled_from("0123456789" * 3 + "47+() .-/\u00a0eE,x٣²")) | st.text()


class TestTheLibrary:
    @pytest.mark.parametrize(
        ("written", "region", "wire"),
        [
            ("06 12 34 56 78", "FR", "33612345678"),
            ("+33 6 12 34 56 78", "FR", "33612345678"),
            ("+33 (0)6 12 34 56 78", "FR", "33612345678"),
            ("33612345678", "FR", "33612345678"),
            ("0033612345678", "US", "33612345678"),
            ("33612345678", "US", "33612345678"),
            ("(202) 555-0123", "US", "12025550123"),
            ("12025550123", "US", "12025550123"),
            ("0151 12345678", "DE", "4915112345678"),
            ("4915112345678", "DE", "4915112345678"),
            ("391 234 5678", "IT", "393912345678"),
            ("06 12345678", "IT", "390612345678"),  # Italy keeps its 0
            (612345678, "FR", "33612345678"),
        ],
    )
    def test_a_number_without_a_country_code_belongs_to_the_region(self, written, region, wire):
        assert normalise(written, region=region, international=True) == wire
        assert "international=True" in refusal(written, region=region)

    @pytest.mark.parametrize("region", ["FR", "GB", "JE", "US", None])
    @pytest.mark.parametrize("international", [True, False])
    @pytest.mark.parametrize("written", ["+44 7700 900123", "447700900123", "0044 (0)7700 900123"])
    def test_the_uk_is_judged_by_our_own_rule_all_the_same(self, written, region, international):
        assert normalise(written, region=region, international=international) == "447700900123"

    @pytest.mark.parametrize("region", ["GB", "GG", "IM", "JE", None])
    @pytest.mark.parametrize("international", [True, False])
    def test_a_national_mobile_is_uk_in_all_that_shares_its_shape(self, region, international):
        assert (
            normalise("07700 900123", region=region, international=international) == "447700900123"
        )

    @pytest.mark.parametrize(
        ("written", "options", "reason"),
        [
            ("07700 900123", {"region": "FR"}, "not in any country's numbering plan"),
            ("7700900123", {"region": "US"}, "not in any country's numbering plan"),
            ("+33 0", {"region": "FR"}, "not in any country's numbering plan"),
            ("+999 1234567", {}, "not in any country's numbering plan"),
            ("1 202 055 0123", {}, "not in any country's numbering plan"),
            ("1632 960001", {}, "not in any country's numbering plan"),
            ("31/12/2031", {}, "not in any country's numbering plan"),
            ("192.0.2.144", {}, "not in any country's numbering plan"),
            ("+1 800 555 0123", {}, "freephone"),
            ("+1 900 555 0123", {}, "premium-rate"),
            ("+33 8 99 00 00 00", {}, "premium-rate"),
            ("+44 20 7946 0018", {}, "447 and then nine digits"),
            ("442079460018", {"region": "FR"}, "447 and then nine digits"),
            ("0808 157 0123", {}, "its country code first"),
            ("555-0123", {"region": "US"}, "not in any country's numbering plan"),
            ("07700 90012", {}, "07 or 447 and then nine digits"),
            ("020 7946 0018", {}, "its country code first"),
            ("020 7946 0018", {"region": "GB"}, "447 and then nine digits"),
            ("+44 20 7946 0018", {"region": "FR"}, "447 and then nine digits"),
            ("nobody", {"region": "FR"}, "letters"),
            ("0" * 10_000, {"region": "FR"}, "not in any country's numbering plan"),
        ],
    )
    def test_normalise_says_what_is_wrong(self, written, options, reason):
        assert reason in refusal(written, international=True, **options)

    def test_a_number_with_a_plus_must_be_possible_and_one_without_must_be_valid(self):
        assert normalise("+1 202 055 0123", international=True) == "12020550123"
        assert normalise("001 202 055 0123", international=True) == "12020550123"
        assert "country" in refusal("1 202 055 0123", international=True)
        assert normalise("1 202 555 0123", international=True) == "12025550123"

    @pytest.mark.parametrize(
        ("written", "wire"),
        [
            ("33123456789", "33123456789"),
            (33123456789, "33123456789"),
            (33123456789.0, "33123456789"),
            ("+33 (0)1 99 00 00 00", "33199000000"),
            ("0033 1-99-00-00-00", "33199000000"),
            ("3.3123456789E+10", "33123456789"),
        ],
    )
    def test_landlines_outside_the_uk_pass(self, written, wire):
        assert normalise(written, international=True) == wire
        assert normalise(wire, international=True) == wire
        assert not is_uk(wire)

    @pytest.mark.parametrize("region", ["UK", "fr", "XX", "", "07700900123", 33, ["FR"]])
    def test_an_unknown_region_is_refused_even_for_a_uk_number(self, region):
        with pytest.raises(ValidationError, match="two capital letters") as refused:
            normalise("447700900123", region=region)
        assert refused.value.field == "region"
        assert "07700900123" not in str(refused.value)

    @pytest.mark.parametrize("options", [{"region": "FR"}, {"international": True}])
    def test_where_it_is_missing_the_extra_is_named(self, monkeypatch, options):
        monkeypatch.setitem(sys.modules, "phonenumbers", None)
        with pytest.raises(ConfigurationError, match=r"`international`.*install phonenumbers"):
            normalise("447700900123", **options)

    def test_it_is_not_imported_until_it_is_asked(self):
        code = (
            "import sys; from smsworks_async.phone import normalise; "
            "normalise('07700 900123'); sys.exit('phonenumbers' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

    @settings(deadline=None)  # the library loads countries on demand
    @given(NUMBER_LIKE, st.sampled_from(["FR", "US", "DE", "IT", "GB", None]), st.booleans())
    def test_normalise_raises_nothing_but_our_own_error_whatever_the_text(
        self, written, region, international
    ):
        try:
            wire = normalise(written, region=region, international=international)
        except ValidationError:
            return
        assert re.fullmatch("447[0-9]{9}|(?!44)[1-9][0-9]{6,14}", wire)
        assert international or is_uk(wire)
