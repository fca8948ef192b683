"""The dates of campaigns, as people type them."""

from collections.abc import Iterator
from datetime import date

from saxaul.catalog.entries import Campaign

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DIGITS = "〇一二三四五六七八九"
_FIRST_YEAR = 2026


def dates_of(campaign: Campaign) -> Iterator[str]:
    """Yield the date on which a campaign begins, in several forms, if it is the same in every year."""
    first = campaign.next_after(date(_FIRST_YEAR, 1, 1))
    second = campaign.next_after(date(_FIRST_YEAR + 1, 1, 1))
    if first is None or second is None or (first.month, first.day) != (second.month, second.day):
        return
    month, day = first.month, first.day
    name = _MONTHS[month - 1]
    yield f"{day} {name}"
    yield f"{name} {day}"
    yield f"{name[:3]} {day}"
    yield f"{day}{_ordinal_ending(day)} {name}"
    yield f"{name} {day}{_ordinal_ending(day)}"
    for written_month, written_day in ((str(month), str(day)), (_hanzi_number(month), _hanzi_number(day))):
        yield f"{written_month}月{written_day}日"
        yield f"{written_month}月{written_day}号"
    yield f"{month}/{day}"
    yield f"{month:02}{day:02}"


def _ordinal_ending(day: int) -> str:
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _hanzi_number(number: int) -> str:
    """Return a number below 100 in hanzi: 五, 十二, 二十, 三十一."""
    tens, ones = divmod(number, 10)
    return (_DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (_DIGITS[ones] if ones or not tens else "")
