"""Sentences with numbers have the right plural forms."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from local.sam import ROOT
from saxaul.catalog.sentences import counted, to_the_next_tree
from saxaul.services.redeem import _refuse_if_wallet_cannot_pay
from tests.builders import make_redemption

WRITERS = ("catalog", "http", "ledger", "search", "services", "trees")
"""The parts of the package that write sentences into responses of the API."""
NOUNS = "point|day|tree|sapling|action|character|version|entry|entries|second|time"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 points"), (1, "1 point"), (-1, "-1 point"), (2, "2 points"), (11, "11 points"), (101, "101 points")],
)
def test_only_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "point") == text


@pytest.mark.parametrize(
    ("missing", "en", "zh"),
    [
        (0, "You have enough points for a tree", "你的积分够换一棵树了"),
        (1, "1 point to your next tree", "再攒 1 积分就能换一棵树"),
        (12, "12 points to your next tree", "再攒 12 积分就能换一棵树"),
    ],
)
def test_the_way_to_the_next_tree_is_told_in_each_language(missing: int, en: str, zh: str) -> None:
    assert to_the_next_tree(missing, "en") == en
    assert to_the_next_tree(missing, "zh") == zh


def test_a_price_of_one_point_is_singular() -> None:
    with pytest.raises(Exception, match="The trees cost 1 point, but") as refusal:
        _refuse_if_wallet_cannot_pay(make_redemption(price_points=1), balance=0)

    assert "1 points" not in str(refusal.value)


def numbers_before_nouns() -> Iterator[str]:
    """Yield the place of each f-string in which a noun follows a value that is not a constant of the module."""
    package = ROOT / "layers/saxaul/saxaul"
    for path in (path for part in WRITERS for path in sorted((package / part).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.JoinedStr(values=values):
                    for value, after in pairwise(values):
                        match value, after:
                            case ast.FormattedValue(value=number), ast.Constant(value=str(text)):
                                is_constant = re.fullmatch(r"_?[A-Z_]+", ast.unparse(number))
                                if not is_constant and re.match(rf" ({NOUNS})s?\b", text):
                                    yield f"{path.relative_to(package)}:{node.lineno}"


def test_no_other_sentence_of_the_api_puts_a_number_before_a_noun() -> None:
    assert list(numbers_before_nouns()) == []
