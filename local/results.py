"""Shows search results as a table that fits 80 columns."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rich.text import Text

from local.tables import Cell, Column, print_table

_KINDS = {"action": "do", "tree_project": "plant", "campaign": "join", "initiative": "we do"}
"""What a person reads for each kind of result."""

Result = Mapping[str, Any]
"""A result as ``GET /suggestions`` returns it."""


def show_results(results: Sequence[Result]) -> None:
    """Print two lines for each result: its kind and title, and below them what it comes to."""
    rows: list[tuple[Cell, ...]] = []
    for result in results:
        kind = _KINDS.get(result["kind"], str(result["kind"]))
        rows += [(Text(kind, "green"), Text(result["title"], "bold")), ("", Text(worth(result), "cyan"))]
    print_table([Column(), Column()], rows, indent=4)


def worth(result: Result) -> str:
    """Return what a result comes to: points and grams, a price, a day, or what was done this year."""
    match result["kind"]:
        case "action":
            return _of_action(result)
        case "tree_project":
            left = "" if result["available"] is None else f", {result['available']:,} saplings left"
            return f"{result['price_points']:,} points in {result['place']}{left}"
        case "campaign":
            first = date.fromisoformat(result["first_day"])
            return "today" if result["state"] == "running" else f"{first.day} {first:%B %Y}"
        case "initiative":
            return _of_initiative(result)
        case _:
            return ""


def _of_action(result: Result) -> str:
    """Return when the action pays again, or else what it pays and avoids."""
    if again := result.get("pays_again_at"):
        return f"pays again on {again[:10]}"
    grams = f", {float(result['avoided_g']):,g} g CO2e" if result["avoided_g"] else ""
    article = "an" if result["unit"][0] in "aeio" else "a"
    return f"{float(result['points']):,g} points {article} {result['unit']}{grams}"


def _of_initiative(result: Result) -> str:
    totals = (result["this_year"] or {"totals": ()})["totals"]
    came_to = ", ".join(f"{float(total['quantity']):,g} {total['unit']}" for total in totals if total["quantity"])
    places = ", ".join(facility["place"] for facility in result["facilities"])
    return f"{places}: {came_to} this year" if came_to else places
