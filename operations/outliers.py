"""Adds up what an app reported by type and by person, and puts the unusual persons first.

How unusual a number is: its distance from the median of all persons, in MADs. The MAD is the median of all distances
from the median, but at least 1. Unlike the mean and the standard deviation, both stay as they are if up to half of the
numbers are invented.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from operations.app_lines import AppLine
from saxaul.ledger.actions import Owner


class Total(NamedTuple):
    """What lines add up to.

    Attributes:
        actions: how many actions they stand for, reversed ones included.
        counting: how many of these count.
        owners: how many persons and facilities they are of.
    """

    actions: int
    counting: int
    owners: int
    points: int
    avoided_g: Decimal

    @classmethod
    def of(cls, lines: Sequence[AppLine]) -> "Total":
        return cls(
            sum(line.actions for line in lines),
            sum(line.actions for line in lines if line.standing == "counts"),
            len({line.owner for line in lines}),
            sum(line.points for line in lines),
            sum((line.avoided_g for line in lines), Decimal(0)),
        )


class OwnerTotal(NamedTuple):
    """What the lines of a person or a facility add up to, and how far this is from the app's median, in MADs.

    ``distance`` is the larger one of the distances of the actions and of the points.
    """

    owner: Owner
    total: Total
    distance: float


def by_type(lines: Iterable[AppLine]) -> dict[str, Total]:
    """Return what each type adds up to, the one with most actions first."""
    found: defaultdict[str, list[AppLine]] = defaultdict(list)
    for line in lines:
        found[line.type].append(line)
    totals = {type_: Total.of(of_type) for type_, of_type in found.items()}
    return dict(sorted(totals.items(), key=lambda pair: (-pair[1].actions, pair[0])))


def by_owner(lines: Iterable[AppLine]) -> list[OwnerTotal]:
    """Return what each person and each facility adds up to, the most unusual first."""
    found: defaultdict[Owner, list[AppLine]] = defaultdict(list)
    for line in lines:
        found[line.owner].append(line)
    totals = {owner: Total.of(of_owner) for owner, of_owner in found.items()}
    of_actions = distances([total.actions for total in totals.values()])
    of_points = distances([total.points for total in totals.values()])
    rows = [
        OwnerTotal(owner, total, max(pair))
        for (owner, total), pair in zip(totals.items(), zip(of_actions, of_points, strict=True), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row.distance, -row.total.points, row.owner))


def distances(numbers: Sequence[int]) -> list[float]:
    """Return how far each number is above the median, in MADs; below zero if it is below the median."""
    if not numbers:
        return []
    middle = median(numbers)
    mad = max(1.0, float(median(abs(number - middle) for number in numbers)))
    return [(number - middle) / mad for number in numbers]
