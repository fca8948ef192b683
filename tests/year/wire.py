"""The programme on paper, in the form in which the API takes and shows it."""

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

from tests.year.model import Campaign, Kind, Programme, Progress

ZONE = ZoneInfo("Asia/Shanghai")
PARTNER = "Alxa SEE Foundation"


def campaign_document(campaign: Campaign, named: Callable[[str], str]) -> dict[str, object]:
    """Return the entry of a campaign. ``named`` returns the name of a kind in the catalog."""
    first, days = campaign.first, (campaign.last - campaign.first).days + 1
    return {
        "names": {"en": "A campaign of the year", "zh": "年度活动"},
        "texts": {"en": "Do it now.", "zh": "现在就做。"},
        "recurs": f"FREQ=YEARLY;BYMONTH={first.month};BYMONTHDAY={first.day}",
        "days": days,
        "multipliers": {named(kind): number(times) for kind, times in campaign.times.items()},
    }


def project_document(paper: Programme) -> dict[str, object]:
    return {
        "species": {"en": "Saxaul", "zh": "梭梭"},
        "place": {"names": {"en": "Alxa", "zh": "阿拉善"}, "lat": 38.85, "lon": 105.73},
        "partner": PARTNER,
        "price_points": paper.price,
        "saplings": paper.saplings,
        "schedule": {
            "daily": paper.release.daily,
            "at": "07:00",
            "first_day": paper.release.first.isoformat(),
            "last_day": paper.release.last.isoformat(),
            "total": paper.release.total,
        },
    }


def kind_document(kind: Kind) -> dict[str, object]:
    return {
        "names": {"en": "A kind of the year", "zh": "年度行动"},
        "unit": "unit",
        "points": {"value": number(kind.points)},
        "caps": [{"window": cap.window, cap.of: cap.most} for cap in kind.caps],
        "avoided_g": {"value": kind.grams},
        "max_quantity": 100,
        "plausible_a_day": {"value": kind.plausible},
    }


def number(fraction: Fraction) -> float:
    """Return a fraction as JSON can have it. The fractions of the script are exact as binary numbers."""
    return float(fraction)


def instant_of(at: datetime) -> int:
    return int(at.replace(tzinfo=ZONE).timestamp())


def text_of(at: datetime) -> str:
    return at.replace(tzinfo=ZONE).isoformat()


def progress_of(progress: Progress) -> dict[str, int]:
    """Return the progress in the form of the API, which rounds the extra points, a half up."""
    acts, people, points, extra = progress
    return {"actions": acts, "persons": people, "points": points, "extra_points": floor(extra + Fraction(1, 2))}
