"""A signature has one canonical form, which can be checked without the key."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.ecdsa import ORDER, is_canonical, with_low_s

NUMBERS = st.one_of(st.integers(1, ORDER - 1), st.integers(0, 255).map(lambda bits: 1 << bits))


@given(NUMBERS, NUMBERS)
def test_both_values_of_s_give_the_canonical_form_with_the_lower_s(r: int, s: int) -> None:
    forms = [encode_dss_signature(r, value) for value in (s, ORDER - s)]

    [one] = {with_low_s(form) for form in forms}

    assert decode_dss_signature(one) == (r, min(s, ORDER - s))
    assert [is_canonical(form) for form in forms] == [form == one for form in forms]


@given(NUMBERS, NUMBERS, st.data())
def test_changed_bytes_are_not_another_canonical_form_of_the_same_signature(
    r: int, s: int, data: st.DataObject
) -> None:
    one = with_low_s(encode_dss_signature(r, s))
    index = data.draw(st.integers(0, len(one)))
    changed = one[:index] + data.draw(st.binary(max_size=2)) + one[index + data.draw(st.integers(0, 2)) :]

    if is_canonical(changed):
        assert encode_dss_signature(*decode_dss_signature(changed)) == changed
        assert changed == one or decode_dss_signature(changed) != decode_dss_signature(one)


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256, 1), (1, 2**256)])
def test_a_signature_with_a_number_out_of_range_is_refused(numbers: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="strict DER"):
        with_low_s(encode_dss_signature(*numbers))


@pytest.mark.parametrize("bytes_of_it", [b"", b"\x30", b"\x30\x00", b"\x30\x06\x02\xff\x01\x02\x01\x01", b"\x30" * 73])
def test_bytes_that_are_not_a_signature_are_not_in_canonical_form(bytes_of_it: bytes) -> None:
    assert not is_canonical(bytes_of_it)
