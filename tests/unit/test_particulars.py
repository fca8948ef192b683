"""The facts of a certificate that never change, and how the log writes degrees."""

import pytest

from saxaul.log.degrees import degrees
from saxaul.log.particulars import Particulars, dedication_digest


def make(dedication: str = "For Mei") -> Particulars:
    return Particulars.create(
        species={"en": "Saxaul", "zh": "梭梭"},
        latin="Haloxylon ammodendron",
        place={"en": "Alxa", "zh": "阿拉善"},
        partner="Alxa SEE Foundation",
        requested_at="2026-06-01T09:00:00+08:00",
        dedication=dedication,
    )


def test_each_commitment_to_particulars_has_a_new_salt_and_hides_the_dedication() -> None:
    one, other = make(), make()

    assert one.commitment != other.commitment
    assert one.salt != other.salt
    assert "Mei" not in str(one.committed_fields())
    assert str(one.salt) not in str(one.committed_fields())


@pytest.mark.parametrize("changed", [{"latin": "Other"}, {"place": {"en": "a", "zh": "b"}}, {"partner": "Nobody"}])
def test_changed_particulars_have_another_commitment(changed: dict[str, object]) -> None:
    fixed = make()

    assert fixed._replace(**changed).commitment != fixed.commitment  # type: ignore[arg-type] # any field


def test_the_commitment_is_the_same_without_the_dedication_and_its_salt() -> None:
    fixed = make()
    erased = fixed._replace(dedication=None, salt=None)

    assert erased.commitment == fixed.commitment
    assert fixed.dedication_digest == dedication_digest("For Mei", str(fixed.salt))


@pytest.mark.parametrize(
    ("value", "text"),
    [(38.851, "38.8510000"), (-0.00000001, "0.0000000"), (105.12345678, "105.1234568"), (-180.0, "-180.0000000")],
)
def test_degrees_have_seven_decimals(value: float, text: str) -> None:
    assert degrees(value) == text
