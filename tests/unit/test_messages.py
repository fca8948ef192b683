"""Messages: actions are packed into few bodies, each small enough to be billed as one request, and none is lost."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.entries import MAX_AMOUNT
from saxaul.catalog.models import ValidationError
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.actions import Action, Owner, Withdrawal
from saxaul.ledger.identifiers import is_identifier
from saxaul.messages.bodies import MAX_MESSAGE_BYTES, ActionMessage, Call, RedemptionMessage, pack, pack_withdrawals
from saxaul.messages.events import StreamRecord, age_of_oldest
from tests.builders import APP, FACILITY, NOON, USER, action_bodies, make_action, make_action_type

ids = st.text("abcXYZ09._~@:+=-", min_size=1, max_size=128).filter(is_identifier)
actions = st.builds(
    Action,
    app=st.just(APP),
    owner=st.builds(Owner, st.sampled_from(["user", "facility"]), ids),
    action_id=ids,
    type=st.sampled_from(["bus_ride", "leave_the_car"]),
    quantity=st.decimals("0.000001", "100000", places=6).map(Decimal.normalize),
    occurred_at=st.integers(0, 2**33),
    is_total=st.booleans(),
    evidence_id=st.just("") | ids,
    run=st.just(""),
    multiplier=st.just(Decimal(1)),
    rule=st.integers(1, 99_999_999),
    plausible=st.none() | st.decimals("0.000001", "100000", places=6).map(Decimal.normalize),
    receipt=st.just(""),
)
multiplied = st.builds(
    Action._replace,
    actions,
    run=st.sampled_from(["world-environment-day@2026-06-05", "x@1970-01-01"]),
    multiplier=st.decimals(1, 100, places=6),
)
crowds = st.lists(st.tuples(st.integers(1, 250), st.integers(1, 120)), max_size=6)


def make_actions(sizes: list[tuple[int, int]]) -> list[Action]:
    """Return actions of several users in alternation. Each size is a number of actions and their extra id length."""
    users = [
        [make_action(f"{n:08d}" + "x" * length, owner=Owner("user", f"u-{user}")) for n in range(count)]
        for user, (count, length) in enumerate(sizes)
    ]
    return [own[n] for n in range(250) for own in users if n < len(own)]


def unpacked(bodies: list[str]) -> list[list[Action]]:
    return [list(ActionMessage.model_validate_json(body).unpacked()) for body in bodies]


@given(batch=st.lists(actions | multiplied, max_size=20))
def test_unpacking_gives_the_packed_actions(batch: list[Action]) -> None:
    messages = unpacked(action_bodies(APP, NOON, batch, ""))

    assert sorted((action for message in messages for action in message), key=repr) == sorted(batch, key=repr)


@given(sizes=crowds)
def test_no_body_is_over_the_limit_and_no_action_is_lost_or_duplicated(sizes: list[tuple[int, int]]) -> None:
    batch = make_actions(sizes)

    bodies = action_bodies(APP, NOON, batch, "")

    assert all(len(body.encode()) <= MAX_MESSAGE_BYTES for body in bodies)
    assert sorted(action for message in unpacked(bodies) for action in message) == sorted(batch)


@given(sizes=crowds)
def test_the_actions_of_one_owner_are_in_one_message_if_they_fit(sizes: list[tuple[int, int]]) -> None:
    batch = make_actions(sizes)

    messages = unpacked(action_bodies(APP, NOON, batch, ""))

    for owner in {action.owner for action in batch}:
        alone = action_bodies(APP, NOON, [action for action in batch if action.owner == owner])
        holding = [message for message in messages if any(action.owner == owner for action in message)]
        assert len(alone) > 1 or len(holding) == 1


def test_the_largest_request_of_short_actions_fits_one_message() -> None:
    assert len(action_bodies(APP, NOON, [make_action(f"ride-{n}") for n in range(MAX_ACTIONS)])) == 1


@pytest.mark.parametrize(("too_many", "messages"), [(-2, 1), (-1, 1), (1, 2), (2, 2)])
def test_two_owners_share_a_message_up_to_exactly_the_size_limit(too_many: int, messages: int) -> None:
    owners = [Owner("user", "u-1"), Owner("user", "u-2")]
    shortest = len(action_bodies(APP, NOON, [make_action("", owner=owner) for owner in owners])[0])
    filling = "x" * (MAX_MESSAGE_BYTES - shortest + too_many)

    bodies = action_bodies(APP, NOON, [make_action("", owner=owners[0]), make_action(filling, owner=owners[1])])

    assert len(bodies) == messages
    assert all(len(body) <= MAX_MESSAGE_BYTES for body in bodies)


def test_without_actions_there_is_no_message() -> None:
    assert action_bodies(APP, NOON, []) == []


def test_the_order_of_one_owners_actions_is_kept() -> None:
    batch = [make_action(f"ride-{n}", occurred_at=NOON - n) for n in range(10)]

    assert unpacked(action_bodies(APP, NOON, batch, "")) == [batch]


def test_a_user_and_a_facility_with_the_same_id_stay_separate() -> None:
    twins = [make_action(owner=Owner("user", FACILITY.id)), make_action(owner=FACILITY)]

    [message] = unpacked(action_bodies(APP, NOON, twins, ""))

    assert {action.owner for action in message} == {Owner("user", FACILITY.id), FACILITY}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"app":"alipay","actions":[["user","u","a","t","NaN",1]]}',
        '{"app":"alipay","actions":[["nobody","u","a","t","1",1]]}',
        '{"app":"alipay","actions":[["user","u","a","t"]]}',
        '{"app":"alipay","actions":[],"more":1}',
    ],
)
def test_a_malformed_body_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        ActionMessage.model_validate_json(body)


@pytest.mark.parametrize(
    "run", ["x", "x@", "@2026-06-05", "X@2026-06-05", "x@2026-6-5", "x@\uff12\uff10\uff12\uff16-06-05"]
)
def test_an_action_with_a_malformed_run_is_refused(run: str) -> None:
    [body] = action_bodies(APP, NOON, [make_action()._replace(run=run, multiplier=Decimal(2))], "")

    with pytest.raises(ValidationError):
        ActionMessage.model_validate_json(body)


def test_a_redemption_message_contains_the_key_of_its_redemption() -> None:
    message = RedemptionMessage(project_id="saxaul-alxa", user_id="u-42", redemption_id="r-1")

    assert RedemptionMessage.model_validate_json(message.model_dump_json()) == message


def test_withdrawals_are_packed_and_unpacked_unchanged() -> None:
    found = [Withdrawal(APP, USER, f"ride-{number}", "2026-06-05", is_lifted=number == 1) for number in range(3)]

    [body] = pack_withdrawals(APP, NOON, found)

    assert list(ActionMessage.model_validate_json(body).unpacked_withdrawals()) == found


@pytest.mark.parametrize(
    "amount", ["999999999.999999", "1000000000", "1234567890.5", "1E+9", "999999999999999", "0.000001", "123456789.1"]
)
def test_whatever_amount_the_catalog_accepts_fits_a_message(amount: str) -> None:
    try:
        rule = make_action_type(max_quantity=amount, min_quantity="0.000001")
    except ValidationError:
        return
    action = make_action(quantity=str(rule.max_quantity))._replace(plausible=rule.max_quantity)

    [body] = action_bodies("alipay", NOON, [action])

    [unpacked] = ActionMessage.model_validate_json(body).unpacked()
    assert (unpacked.quantity, unpacked.plausible) == (rule.max_quantity, rule.max_quantity)


def test_the_largest_amount_of_the_catalog_is_accepted() -> None:
    assert make_action_type(max_quantity="999999999.999999").max_quantity == MAX_AMOUNT


@given(sizes=crowds, refused=st.integers(0, 20))
def test_the_parts_of_a_receipt_have_each_accepted_place_once(sizes: list[tuple[int, int]], refused: int) -> None:
    batch = make_actions(sizes)
    places = [place for place in range(len(batch) + refused) if place >= refused]
    call = Call(APP, NOON, "sixteen-letters_", len(batch) + refused)

    packed = pack(call, batch, places)
    messages = [ActionMessage.model_validate_json(found.body) for found in packed]

    assert [message.receipt_part({}) for message in messages] == [found.part for found in packed]
    assert [(message.part, message.parts) for message in messages] == [(n, len(packed)) for n in range(len(packed))]
    found = {p: action for m in messages for p, action in zip(m.places, m.unpacked(), strict=True)}
    assert found == {place: action._replace(receipt="sixt") for place, action in zip(places, batch, strict=True)}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"places": []}, "a place for each"),
        ({"places": [0]}, "a place for each"),
        ({"places": [0, 1, 2], "size": 3}, "a place for each"),
        ({"places": [0, 2]}, "below the size"),
        ({"places": [1, 1]}, "must differ"),
        ({"places": [-1, 0]}, "greater than or equal to 0"),
        ({"places": ["0", 1]}, "valid integer"),
        ({"part": 1}, "below the number of parts"),
        ({"part": 0, "parts": 0}, "below the number of parts"),
        ({"part": True, "parts": 2}, "valid integer"),
        ({"actions": [], "places": []}, "either actions or reversals"),
        ({"reversals": [["user", "u-42", "ride-1", "refund", NOON]]}, "either actions or reversals"),
        ({"withdrawals": [["user", "u-42", "ride-1", "2026-06-05", False]]}, "either actions or reversals"),
    ],
)
def test_a_message_with_a_receipt_says_which_items_of_its_call_it_has(changes: dict[str, object], rule: str) -> None:
    [body] = action_bodies(APP, NOON, [make_action("a"), make_action("b")], "a-receipt")
    broken = json.loads(body) | changes

    with pytest.raises(ValidationError, match=rule):
        ActionMessage.model_validate_json(json.dumps(broken))


def test_a_batch_of_changes_is_as_old_as_its_oldest_change() -> None:
    def record(**when: float) -> StreamRecord:
        return {"eventName": "INSERT", "dynamodb": {"Keys": {}, **when}}

    changed = [record(ApproximateCreationDateTime=at) for at in (990.0, 950.5, 1_000)]

    assert age_of_oldest([record(), *changed], now=1_000.5) == 50
    assert age_of_oldest([record()], now=1_000.5) is None
    assert age_of_oldest([], now=1_000.5) is None
