"""The public totals on a deployed stack with a real stream: they equal the actions that were sent."""

import secrets
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx

from tests.builders import make_facility
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, make_rich, new_user, settled_redemption

ZONE = ZoneInfo("Asia/Shanghai")


def new_type(operator: Client, **changes: object) -> str:
    """Create an action type that no other test reports."""
    name = f"act_{secrets.token_hex(4)}"
    template = operator.call_or_exit("GET", "/catalog/action-types/bus_ride")
    kept = {key: template[key] for key in ("names", "unit", "points", "caps", "avoided_g")}
    operator.call_or_exit("PUT", f"/catalog/action-types/{name}", {**kept, **changes})
    return name


def report(client: Client, *actions: dict[str, Any]) -> None:
    """Report actions until all are accepted. For a few seconds, a worker may not know the new action type."""
    response = eventually(
        lambda: client.call("POST", "/actions", {"actions": actions}).json(), lambda response: not response["refused"]
    )
    assert (response["accepted"], response["refused"]) == (len(actions), [])


def rows(stack: dict[str, Any], owners: str, type_: str, **query: str) -> list[dict[str, Any]]:
    response = httpx.get(f"{stack['api_url']}/impact", params=query, timeout=60)
    assert response.status_code == 200, response.text
    return [row for row in response.json()[owners] if row["action_type"] == type_]


def test_the_public_totals_and_a_campaign_count_the_actions_that_were_sent(
    alipay: Client, operator: Client, stack: dict[str, Any]
) -> None:
    ride = new_type(operator, caps=[])
    today = datetime.now(ZONE)
    campaign = {
        "names": {"en": "A day of ours", "zh": "我们的一天"},
        "texts": {"en": "Ride with us.", "zh": "一起出行。"},
        "recurs": f"FREQ=YEARLY;BYMONTH={today.month};BYMONTHDAY={today.day}",
        "days": 2,
        "multipliers": {ride: 1},
        "goal": {"counts": "actions", "target": 100},
    }
    campaign_path = f"campaigns/ours-{secrets.token_hex(4)}"
    operator.call_or_exit("PUT", f"/catalog/{campaign_path}", campaign)
    users = [new_user() for _ in range(4)]
    todays = [make_action(user, ride, quantity=2, days_ago=0) for user in users for _ in range(3)]
    older = [make_action(user, ride, days_ago=1) for user in users]

    report(alipay, *todays, *older)
    alipay.call_or_exit("POST", "/actions", {"actions": todays})
    reversal = {name: todays[0][name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "refund"}
    alipay.call_or_exit("POST", "/reversals", {"reversals": [reversal]})
    sums = eventually(lambda: rows(stack, "people", ride), lambda found: [row["actions"] for row in found] == [4, 11])

    assert [(row["actions"], row["quantity"], row["points"], row["avoided_g"]) for row in sums] == [
        (4, 4, 4 * 80, 4 * 212.5),
        (11, 22, 22 * 80, 22 * 212.5),
    ]
    assert [row["day"] for row in sums][1] == datetime.now(ZONE).date().isoformat()
    shown = alipay.call_or_exit("GET", f"/{campaign_path}")
    assert (shown["state"], shown["goal"]) == ("running", {"counts": "actions", "target": 100, "reached": 11})


def test_an_operator_previews_a_campaign_follows_its_progress_ends_it_and_undoes_that(
    alipay: Client, operator: Client
) -> None:
    ride, today = new_type(operator, caps=[]), datetime.now(ZONE).date()
    word, identifier = f"ours{secrets.token_hex(4)}", f"ours-{secrets.token_hex(4)}"
    names = {"en": f"Day {word}", "zh": f"{word}日"}
    campaign = {
        "names": names,
        "texts": {"en": "Ride with us.", "zh": "一起出行。"},
        "recurs": f"FREQ=YEARLY;BYMONTH={today.month};BYMONTHDAY={today.day}",
        "days": 7,
        "multipliers": {ride: 2},
    }
    operator.call_or_exit("PUT", f"/catalog/campaigns/{identifier}", campaign)
    later = today + timedelta(6)

    def shown(client: Client = operator, **query: str) -> dict[str, Any]:
        found: dict[str, Any] = client.call_or_exit("GET", f"/campaigns/{identifier}?{urlencode(query)}")
        return found

    def found(day: date) -> list[str]:
        query = urlencode({"q": word, "on": day.isoformat(), "lang": "en"})
        return [result["id"] for result in operator.call("GET", f"/suggestions?{query}").json()["suggestions"]]

    assert eventually(lambda: identifier in found(later), bool)
    assert (shown(on=later.isoformat())["state"], shown(on=str(later + timedelta(1)))["state"]) == ("running", "next")
    users = [new_user() for _ in range(3)]
    rides = [make_action(user, ride, days_ago=0) for user in users for _ in range(2)]
    report(alipay, *rides)
    expected = {"actions": 6, "persons": 3, "points": 960, "extra_points": 480}
    assert eventually(lambda: shown()["progress"], lambda progress: progress == expected) == expected
    taken_back = [
        {name: action[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "fraud"}
        for action in rides[:2]
    ]
    alipay.call_or_exit("POST", "/reversals", {"reversals": taken_back})
    expected = {"actions": 4, "persons": 2, "points": 640, "extra_points": 320}
    assert eventually(lambda: shown(alipay)["progress"], lambda progress: progress == expected) == expected

    yesterday = (today - timedelta(1)).isoformat()
    ended = operator.call_or_exit("POST", f"/catalog/campaigns/{identifier}/end", {"last_day": yesterday})
    assert ended["ends"] == {today.isoformat(): yesterday}
    assert eventually(lambda: shown()["state"], lambda state: state == "next") == "next"
    report(alipay, make_action(users[0], ride, days_ago=0))
    operator.call_or_exit("POST", f"/catalog/campaigns/{identifier}/versions/1/restore")
    assert eventually(lambda: shown()["state"], lambda state: state == "running") == "running"
    assert shown()["progress"] == expected


def test_actions_of_facilities_are_counted_apart_from_those_of_people(
    alipay: Client, operator: Client, stack: dict[str, Any]
) -> None:
    roof = new_type(operator, actor="facility", points=None, caps=[], max_quantity=999_999_999)
    facility_id = f"f-{secrets.token_hex(4)}"
    operator.call_or_exit(
        "PUT",
        f"/catalog/facilities/{facility_id}",
        make_facility(**{roof: "1000"}).model_dump(mode="json", exclude_defaults=True),
    )
    action = make_action("", roof, quantity=250.5) | {"facility_id": facility_id}
    del action["user_id"]

    report(alipay, action)
    found = eventually(lambda: rows(stack, "facilities", roof), bool)
    report(alipay, action | {"action_id": "billion", "quantity": 999_999_999})
    both = eventually(lambda: rows(stack, "facilities", roof), lambda found: found[0]["actions"] == 2)

    assert [(row["actions"], row["quantity"], row["points"]) for row in found] == [(1, 250.5, 0)]
    assert [(row["actions"], row["quantity"], row["points"]) for row in both] == [(2, 1000, 0)]
    assert rows(stack, "people", roof) == []
    months = eventually(
        lambda: rows(stack, "facilities", roof, by="facility"), lambda found: found and found[0]["actions"] == 2
    )
    assert [(row["facility_id"], row["actions"], row["quantity"]) for row in months] == [(facility_id, 2, 1000)]


def test_a_reserved_tree_is_counted_once(alipay: Client, stack: dict[str, Any]) -> None:
    def trees() -> int:
        found = httpx.get(f"{stack['api_url']}/impact", timeout=60).json()["tree_counts"]
        return int(found["reserved"] + found["ordered"])

    user = new_user()
    make_rich(alipay, user)
    before = trees()
    request = {"project_id": "saxaul-alxa", "trees": 1}
    asked = alipay.call("POST", f"/users/{user}/redemptions", request, idempotency_key="k")
    settled_redemption(alipay, asked.headers["location"])

    assert eventually(trees, lambda number: number == before + 1) == before + 1
