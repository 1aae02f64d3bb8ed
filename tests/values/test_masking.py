import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from juspay_mcp.values.masking import mask, mask_mobile

# The characters that people write mobiles with: digits, separators, and what hides digits.
mobiles = st.text(st.sampled_from("0123456789+-() .*xX•#\u0663\n")) | st.text()


@pytest.mark.parametrize(
    ("whole", "masked"),
    [
        pytest.param("wlm_abf788c241a4533c", "XXXXXX533c", id="a wallet id shows its last four characters"),
        pytest.param("asha.rao@example.com", "XXXXXX.rao@", id="an e-mail address those before the @"),
        pytest.param("priya@example.com", "XXXXXX", id="if these are at least eight"),
        pytest.param("asha.rao+a@b@example.com", "XXXXXXao+a@", id="the first @ counts"),
        pytest.param("jane.doé@example.com", "XXXXXX", id="before the @ the same holds for other writing"),
        pytest.param("12345678", "XXXXXX5678", id="eight characters are enough"),
        pytest.param("1234567", "XXXXXX", id="seven are not"),
        pytest.param("", "XXXXXX", id="nothing is masked as well"),
        pytest.param("12345678\n", "XXXXXX", id="a line break in the tail hides it"),
        pytest.param("1234567\x1b[2K", "XXXXXX", id="so does a terminal's control sequence"),
        pytest.param("12345678\u202e", "XXXXXX", id="so does a change of writing direction"),
        pytest.param("12345678=+/=", "XXXXXX=+/=", id="base64 is shown"),
        *(
            pytest.param(f"12345678{mark}", "XXXXXX", id=f"what can be Markdown or HTML hides it: {mark}")
            for mark in ("![", "](b)", "<img", "a b", "`a", "&lt;", "*a", "a|", "http:", "~~")
        ),
    ],
)
def test_a_whole_is_cut_to_its_last_four_characters(whole: str, masked: str) -> None:
    assert mask(whole) == masked


@given(st.text() | st.text("ab.@", min_size=6))
def test_no_text_leaves_the_mask_with_more_than_four_characters_and_an_at(whole: str) -> None:
    before, at, _ = whole.partition("@")
    shown = mask(whole).removeprefix("XXXXXX")
    assert shown == "" or (len(before) >= 8 and shown == before[-4:] + at)
    assert re.fullmatch("([A-Za-z0-9._+/=-]{4}@?)?", shown)


@pytest.mark.parametrize(
    ("mobile", "masked"),
    [
        pytest.param("9876543210", "XXXXXX3210", id="ten digits"),
        pytest.param("+91 98765-43210", "XXXXXX3210", id="country code and separators don't count"),
        pytest.param("1-2-3-4-5-6-7", "XXXXXX", id="seven digits are not, however long the text"),
        pytest.param(
            "\u096f\u096e\u096d\u096c\u096b\u096a\u0969\u0968\u0967\u0966",
            "XXXXXX",
            id="nor has another script's numerals",
        ),
        pytest.param("", "XXXXXX", id="nothing"),
        pytest.param("77****78", "XXXXXX78", id="masked by Juspay: only the trailing digits"),
        pytest.param("+91 98XXXX3210", "XXXXXX3210", id="masked with X"),
        pytest.param("*9876543210", "XXXXXX3210", id="masked in name only: still four digits"),
        pytest.param("98**76**21", "XXXXXX21", id="masked twice: only what follows the last"),
    ],
)
def test_a_mobile_is_cut_to_the_last_four_of_its_digits(mobile: str, masked: str) -> None:
    assert mask_mobile(mobile) == masked


@given(mobiles)
def test_no_mobile_leaves_the_mask_with_more_than_four_of_its_last_digits(mobile: str) -> None:
    shown = mask_mobile(mobile).removeprefix("XXXXXX")
    digits = "".join(character for character in mobile if character in "0123456789")
    assert re.fullmatch("[0-9]{0,4}", shown)
    assert digits.endswith(shown)


@given(st.text("0123456789-"), st.sampled_from("*xX•#"), st.text("0123456789-"))
def test_digits_before_the_last_hidden_one_are_never_shown(before: str, hidden: str, after: str) -> None:
    assert mask_mobile(before + hidden + after) == "XXXXXX" + after.replace("-", "")[-4:]
