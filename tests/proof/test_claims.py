"""Which claim to evidence counts, in cases that are easy to get wrong."""

from decimal import Decimal

import pytest

from saxaul.catalog.entries import ActionType, Cap
from saxaul.ledger.actions import Action, Reversal
from tests.builders import APP, DAY, NOON, USER, action_bodies, make_action, make_action_type, reversal_bodies
from tests.proof.world import CALENDAR, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch, NOON + 3600)


def deliver(world: World, *actions: Action) -> None:
    for action in actions:
        accepted = action.on_terms_of(world.catalog_store.catalog(), CALENDAR)
        [body] = action_bodies(action.app, NOON, [accepted])
        assert world.accrue({"message": body}) == {}


def claim(action_id: str, type_: str, quantity: str = "1", app: str = APP, days: int = 0) -> Action:
    action = make_action(action_id, type=type_, quantity=quantity, app=app, occurred_at=NOON - days * DAY)
    return action._replace(evidence_id="ticket")


def counting(world: World) -> list[str]:
    entries = [line for period in world.periods_of(USER.id) for line in period.entries.items()]
    return [name for name, entry in entries if entry.evidence_id and entry.counts]


def earned(world: World) -> int:
    return world.position(USER.id).earned


def capped(points: str, cap: Cap, avoided_g: str = "1") -> ActionType:
    return make_action_type(points=points, caps=(cap,), avoided_g=avoided_g)


def test_of_claims_that_give_the_same_points_after_rounding_the_one_with_most_grams_counts(world: World) -> None:
    bus = make_action_type(points="10.5", avoided_g="1")
    world.seed({"bus": bus, "metro": make_action_type(points="9.9", avoided_g="1000")}, {})
    deliver(world, make_action("before", type="metro", quantity="0.1"))

    deliver(world, claim("a", "bus"), claim("b", "metro", app="taobao"))

    assert counting(world) == ["taobao:b"]


def test_claims_by_different_versions_of_a_type_are_compared_by_what_the_person_earns(world: World) -> None:
    world.seed({"bus": capped("10", Cap(window="day", units=Decimal(6)))}, {})
    deliver(world, claim("a", "bus", "6"))
    world.change_type("bus", capped("1", Cap(window="day", units=Decimal(6))))

    deliver(world, claim("b", "bus", "100", app="taobao"))

    assert (counting(world), earned(world)) == (["alipay:a"], 60)


def test_a_claim_under_a_cap_that_is_used_up_does_not_displace_one_that_is_paid(world: World) -> None:
    world.seed({"bus": make_action_type(points="80"), "walk": capped("0.02", Cap(window="day", points=296))}, {})
    deliver(world, make_action("real", type="walk", quantity="20000"), claim("ride", "bus"))

    deliver(world, claim("squat", "walk", "90000", app="taobao"))

    assert (counting(world), earned(world)) == (["alipay:ride"], 296 + 80)


def test_real_acts_take_back_the_cap_that_a_squatted_claim_had_used(world: World) -> None:
    world.seed({"bus": make_action_type(points="80"), "walk": capped("0.02", Cap(window="day", points=296))}, {})
    deliver(world, claim("squat", "walk", "90000", app="taobao"), claim("ride", "bus"))

    deliver(world, make_action("real", type="walk", quantity="20000"))

    assert (counting(world), earned(world)) == (["alipay:ride"], 296 + 80)


def test_hundreds_of_contested_claims_do_not_change_what_the_honest_app_earns(world: World) -> None:
    types = {name: capped("50", Cap(window="day", points=5000)) for name in ("bike", "walk")}
    world.seed(types, {})
    for app, type_ in ((APP, "bike"), ("taobao", "walk"), ("tmall", "walk"), ("taobao", "bike")):
        actions = [claim(f"{type_}-{n}", type_, app=app)._replace(evidence_id=f"e-{n}") for n in range(90)]
        for start in range(0, len(actions), 30):
            [body] = action_bodies(app, NOON, actions[start : start + 30])
            assert world.accrue({"message": body}) == {}

    assert earned(world) == 90 * 50
    assert all(name.startswith("alipay:") for name in counting(world))


def test_a_reversal_that_is_sent_again_with_the_right_date_reverses_the_action_when_it_arrives(world: World) -> None:
    world.seed({"bus_ride": make_action_type()}, {})
    for days in (1, 0):
        [body] = reversal_bodies(APP, NOON, [Reversal(APP, USER, "ride-1", "refunded", NOON - days * DAY)])
        assert world.accrue({"message": body}) == {}

    deliver(world, make_action())

    assert earned(world) == 0


def test_a_reversal_that_frees_a_cap_lets_a_void_claim_count_again(world: World) -> None:
    world.seed({"bus": capped("80", Cap(window="day", units=Decimal(5))), "walk": make_action_type(points="0.02")}, {})
    squatted = make_action("cap", type="bus", quantity="5", app="taobao")
    deliver(world, squatted, claim("squat", "walk", "100", app="taobao"), claim("ride", "bus"))

    [body] = reversal_bodies("taobao", NOON, [Reversal("taobao", USER, "cap", "oops", NOON)])
    assert world.accrue({"message": body}) == {}

    assert (counting(world), earned(world)) == (["alipay:ride"], 80)


def test_ten_claims_that_a_squatted_cap_had_made_worthless_count_again_after_its_reversal(world: World) -> None:
    rides = make_action_type(points="136", caps=(Cap(window="month", units=Decimal(10)),))
    world.seed({"train": rides, "walk": make_action_type(points="0.02")}, {})
    deliver(world, make_action("cap", type="train", quantity="10", app="taobao"))
    for app, type_, quantity in (("taobao", "walk", "100"), (APP, "train", "1")):
        claims = [claim(f"{type_}-{n}", type_, quantity, app)._replace(evidence_id=f"e-{n}") for n in range(10)]
        [body] = action_bodies(app, NOON, claims)
        assert world.accrue({"message": body}) == {}

    [body] = reversal_bodies("taobao", NOON, [Reversal("taobao", USER, "cap", "oops", NOON)])
    assert world.accrue({"message": body}) == {}

    assert earned(world) == 10 * 136


def test_two_evidences_that_need_the_same_cap_are_decided_together(world: World) -> None:
    world.seed(
        {
            "bus": capped("80", Cap(window="day", units=Decimal(5)), "212.5"),
            "metro": capped("52", Cap(window="day", units=Decimal(5)), "515.5"),
            "toll": make_action_type(points="23", avoided_g="0"),
        },
        {},
    )
    deliver(
        world, claim("squat-1", "metro", app="taobao"), claim("squat-2", "bus", app="taobao")._replace(evidence_id="b")
    )

    deliver(world, make_action("m", type="metro", quantity="5"), make_action("r", type="bus", quantity="4"))
    deliver(world, claim("ride", "bus"), claim("toll", "toll")._replace(evidence_id="b"))

    assert earned(world) == 5 * 80 + 5 * 52 + 23


def test_a_claim_that_was_not_kept_counts_after_those_that_were_kept_are_reversed(world: World) -> None:
    world.seed({"metro": make_action_type(points="52")}, {})
    deliver(world, *(claim(f"c-{n}", "metro") for n in range(6)))

    for n in range(4):
        [body] = reversal_bodies(APP, NOON, [Reversal(APP, USER, f"c-{n}", "oops", NOON)])
        assert world.accrue({"message": body}) == {}

    assert (counting(world), earned(world)) == (["alipay:c-4"], 52)


def test_withheld_acts_of_a_whole_month_are_paid_after_the_squatted_caps_are_reversed(world: World) -> None:
    names = [f"type-{n}" for n in range(7)]
    world.seed(
        {name: make_action_type(points="100", caps=(Cap(window="month", units=Decimal(9)),)) for name in names}, {}
    )
    deliver(world, *(make_action(name, type=name, quantity="9", app="taobao") for name in names))
    honest = [
        make_action(f"{name}-{n}", type=name, occurred_at=NOON - n * DAY // 3) for name in names for n in range(9)
    ]
    [body] = action_bodies(APP, NOON, honest)
    assert world.accrue({"message": body}) == {}

    [body] = reversal_bodies("taobao", NOON, [Reversal("taobao", USER, name, "oops", NOON) for name in names])
    assert world.accrue({"message": body}) == {}

    assert earned(world) == 7 * 9 * 100
    assert not any(period.full for period in world.periods_of(USER.id))
