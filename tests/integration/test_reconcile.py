"""Reconciling a table: the items that the functions wrote add up, and damage to the table is reported."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from operations import reconcile
from operations.ledger_reading import scan, size_of
from saxaul.catalog.entries import Cap
from saxaul.deadline import UnansweredError
from saxaul.impact.totals import FacilityYear, Impact, Participation, RunKey, Tally
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.storage import orders
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.erasures import Erasures
from saxaul.storage.impact import ImpactStore, tally_key
from saxaul.storage.table import Item, Key, Table, python, raw, transact
from tests.builders import (
    DAY,
    FACILITY,
    NOON,
    SHANGHAI,
    USER,
    confirmation,
    inspection,
    make_action,
    make_action_type,
    make_entry,
    make_period,
    make_redemption,
    make_tree_project,
)
from tests.integration.erasing import begin_erasure, move_to_nobody
from tests.integration.stack import Stack, confirm, harvest, invoke, redeem, report, view_order

if TYPE_CHECKING:
    from saxaul.audit import Finding

WALLET = Key("USER#u-42", "WALLET")


@pytest.fixture
def three_weeks(stack: Stack) -> Stack:
    """A ledger after three weeks: u-42 has an ordered tree, and u-43 has a reserved tree and ripening points."""
    stack.seed_catalog(price_points=80)
    stack.seed(
        "action-types",
        walking=make_action_type(points="10", caps=(Cap(window="month", points=100),)),
        green_power=make_action_type(points=None, actor="facility"),
    )
    actions = [make_action(f"a-{n}", owner=USER._replace(id=user)) for n in range(2) for user in ("u-42", "u-43")]
    walks = [make_action(f"w-{n}", type="walking", quantity="3") for n in range(4)]
    stack.accrue_all([*actions, *walks, make_action("kwh", type="green_power", owner=FACILITY)])
    stack.clock.instant += DAY
    settle(stack, "first")
    stack.run_planting_batch()
    stack.clock.instant += 20 * DAY
    harvest()
    settle(stack, "second", user_id="u-43")
    stack.accrue_all([make_action("late", owner=USER._replace(id="u-43"), occurred_at=stack.clock.instant - DAY // 2)])
    return stack


def settle(stack: Stack, key: str, user_id: str = USER.id) -> None:
    assert redeem(key, user_id).status == 202
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []


def findings(stack: Stack) -> list[str]:
    reported: list[Finding] = []
    sums = reconcile.reconcile(stack.ledger, reported.append)
    assert sums.faults == sum(finding.is_fault for finding in reported)
    return [f"{finding.subject}: {finding.detail}" for finding in reported]


def tamper(key: Key, **changes: object) -> None:
    """Overwrite fields of an item without a condition. No function of the stack does this."""
    item = python(dynamodb().get_item(TableName="Ledger", Key=raw(key._asdict()))["Item"])
    dynamodb().put_item(TableName="Ledger", Item=raw(item | changes))


def keys_of(stack: Stack, prefix: str) -> list[Key]:
    items = [python(item) for item in dynamodb().scan(TableName=stack.ledger.name)["Items"]]
    return [Key(item["pk"], item["sk"]) for item in items if item["pk"].startswith(prefix)]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr("sys.argv", ["reconcile", *arguments])
    with pytest.raises(SystemExit) as end:
        reconcile.main()
    return end.value.code


def test_a_ledger_that_only_the_functions_wrote_adds_up(three_weeks: Stack) -> None:
    reported: list[Finding] = []

    sums = reconcile.reconcile(three_weeks.ledger, reported.append)

    assert reported == []
    assert (sums.users, sums.faults) == (2, 0)
    assert (sums.earned, sums.ripening, sums.spendable, sums.spent) == (500, 80, 260, 160)


def test_a_scan_in_many_pages_gives_the_same_result(three_weeks: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = reconcile.reconcile(three_weeks.ledger, lambda _: None)
    monkeypatch.setattr(reconcile, "scan", lambda table, **rest: scan(table, PaginationConfig={"PageSize": 2}, **rest))

    assert findings(three_weeks) == []
    assert reconcile.reconcile(three_weeks.ledger, lambda _: None) == whole


def test_a_point_that_was_added_to_a_wallet_is_reported_with_its_user(three_weeks: Stack) -> None:
    tamper(WALLET, balance=181)

    assert findings(three_weeks) == [
        "user u-42: earned 260 is not equal to ripening 0 + spendable 181 + spent 80: the difference is +1 points"
    ]


def test_a_participation_in_a_campaign_that_cannot_be_read_is_reported(three_weeks: Stack) -> None:
    participation = Participation("u-42", RunKey("wed", date(2026, 6, 5)))
    ImpactStore(three_weeks.ledger).put(Tally(participation, Impact(periods=1)))
    assert findings(three_weeks) == []

    tamper(tally_key(participation), periods="many")

    [finding] = findings(three_weeks)
    assert finding.startswith("item USER#u-42 PARTICIPATION#wed@2026-06-05: cannot be read: ")


def test_a_lost_period_is_reported(three_weeks: Stack) -> None:
    dynamodb().delete_item(TableName="Ledger", Key=raw({"pk": "USER#u-42", "sk": "PAGE#2026-06-05"}))

    assert findings(three_weeks) == [
        "user u-42: the wallet has 160 points from period 2026-06-05, which does not exist"
    ]


def test_an_action_that_is_in_two_periods_is_reported(three_weeks: Stack) -> None:
    three_weeks.accrue_all([make_action("a-0", occurred_at=three_weeks.clock.instant)])

    assert findings(three_weeks) == ["user u-42: action alipay:a-0 counts in the periods 2026-06-05 and 2026-06-26"]


def test_an_order_that_counts_another_number_of_open_trees_is_reported(three_weeks: Stack) -> None:
    [progress] = keys_of(three_weeks, "PROGRESS#")
    order_id = progress.pk.removeprefix("PROGRESS#")

    tamper(progress, open_trees=7)
    miscounted = findings(three_weeks)
    dynamodb().delete_item(TableName="Ledger", Key=raw(progress._asdict()))

    assert miscounted == [f"order {order_id}: counts 7 open trees, but its redemptions have 1"]
    assert findings(three_weeks) == [f"order {order_id}: has no progress"]


def test_an_order_whose_trees_are_all_planted_and_that_lost_its_progress_is_reported(planted: Stack) -> None:
    [progress] = keys_of(planted, "PROGRESS#")
    dynamodb().delete_item(TableName="Ledger", Key=raw(progress._asdict()))

    assert findings(planted) == [f"order {progress.pk.removeprefix('PROGRESS#')}: has no progress"]


@pytest.mark.parametrize("open_trees", [0, 2])
def test_a_progress_of_an_order_that_does_not_exist_is_reported(three_weeks: Stack, open_trees: int) -> None:
    [progress] = keys_of(three_weeks, "PROGRESS#")
    item = three_weeks.ledger.get(progress)
    assert item
    orphan = orders.progress_from_item(item)._replace(order_id="o-9", open_trees=open_trees)
    three_weeks.ledger.put_all([orders.progress_to_item(orphan) | {"v": 1}])

    assert findings(three_weeks) == ["order o-9: has a progress, but does not exist"]


@pytest.mark.parametrize("name", ["project_id", "partner"])
def test_a_progress_of_another_project_or_partner_than_its_order_is_reported(three_weeks: Stack, name: str) -> None:
    [progress] = keys_of(three_weeks, "PROGRESS#")
    tamper(progress, **{name: "another"})

    reported = findings(three_weeks)

    order_id = progress.pk.removeprefix("PROGRESS#")
    assert any(
        finding.startswith(f"order {order_id}: has a progress with {name} 'another' instead of") for finding in reported
    )


@pytest.mark.parametrize("kind", ["ORDER", "PROGRESS"])
@pytest.mark.parametrize("list_name", ["CLOSED#elsewhere", None])
def test_an_order_and_a_progress_in_the_wrong_list_are_reported(
    three_weeks: Stack, kind: str, list_name: str | None
) -> None:
    [key] = keys_of(three_weeks, f"{kind}#")
    item = three_weeks.ledger.get(key)
    assert item
    right = (item["list_name"], item["list_order"])
    without = {name: value for name, value in item.items() if name not in {"list_name", "list_order"}}
    wrong = without | ({"list_name": list_name, "list_order": item["list_order"]} if list_name else {})
    dynamodb().put_item(TableName="Ledger", Item=raw(wrong))

    reported = findings(three_weeks)

    if kind == "PROGRESS" and list_name is None:
        order_id = key.pk.removeprefix("PROGRESS#")
        assert reported == [f"order {order_id}: has a progress with is_announced False instead of True"]
    else:
        found = (wrong.get("list_name"), wrong.get("list_order"))
        assert reported == [f"item {key.pk} {kind}: is in the list {found}, but belongs in {right}"]


def test_a_stock_that_does_not_match_its_redemptions_is_reported(three_weeks: Stack) -> None:
    tamper(Key("PROJECT#saxaul-alxa", "STOCK"), reserved=11)

    assert findings(three_weeks) == [
        "project saxaul-alxa: reserved 11 of 10 saplings: it is oversold",
        "project saxaul-alxa: reserved 11 saplings, but its redemptions took 2",
    ]


def test_a_lost_order_and_lost_certificates_are_reported_through_their_redemptions(three_weeks: Stack) -> None:
    for prefix in ("ORDER#", "CERT#"):
        for key in keys_of(three_weeks, prefix):
            dynamodb().delete_item(TableName="Ledger", Key=raw(key._asdict()))

    reported = findings(three_weeks)

    assert sum("whose certificate does not lead to it" in finding for finding in reported) == 2
    assert sum("which does not list it" in finding for finding in reported) == 1
    assert sum("has a progress, but does not exist" in finding for finding in reported) == 1
    assert len(reported) == 4


PLANTED_AT = "2026-06-06T00:10:00+08:00"
"""A time on the day of the order."""


@pytest.fixture
def planted(three_weeks: Stack) -> Stack:
    """The ordered tree was confirmed and later found dead. The public log has both reports."""
    [order_id] = three_weeks.order_ids()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    assert confirm(order_id, confirmation(number, planted_at=PLANTED_AT)).body["accepted"] == 1
    report("inspections", order_id, inspection(number, "dead", inspected_at="2026-06-06T00:20:00+08:00"))
    assert invoke("sequence_log", {"schedule": "repair"})["size"] == 3
    return three_weeks


def test_the_reports_of_partners_agree_with_the_log(planted: Stack) -> None:
    assert findings(planted) == []


def test_a_tree_whose_state_disagrees_with_the_log_is_reported(planted: Stack) -> None:
    tree = next(key for key in keys_of(planted, "USER#u-42") if key.sk.startswith("TREE#"))
    item = planted.ledger.get(tree)
    assert item
    history = item["trees"][0]["history"]
    tamper(tree, state="planted", trees=[item["trees"][0] | {"history": history[:-1]}])

    number = item["trees"][0]["number"]
    place = "{lat:.5f},{lon:.5f}".format_map(confirmation(number))
    assert findings(planted) == [
        f"certificate {number}: has the place {place}, which is noted for nobody",
        f"certificate {number}: has leaves for the public log that its tree does not follow from",
        "the public log: counts 1 planted, 1 dead, 0 standing, but the redemptions have 1 planted, 0 dead, 1 standing",
    ]


def test_a_tree_that_is_confirmed_during_the_scan_is_not_a_fault(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    [order_id] = three_weeks.order_ids()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    run_during_scans(
        monkeypatch, ("USER#u-42 WALLET", lambda: confirm(order_id, confirmation(number, planted_at=PLANTED_AT)))
    )

    assert findings(three_weeks) == []
    assert view_order(order_id).body["state"] == "closed"


def test_an_unreadable_item_is_reported_and_the_rest_is_still_checked(three_weeks: Stack) -> None:
    tree = next(key for key in keys_of(three_weeks, "USER#u-42") if key.sk.startswith("TREE#"))
    tamper(tree, state="composted")
    tamper(Key("USER#u-43", "WALLET"), balance=0)
    tamper(Key("PROJECT#saxaul-alxa", "STOCK"), released="many")

    reported = findings(three_weeks)

    assert any(
        finding.startswith(f"item {tree.pk} {tree.sk}: cannot be read") and "composted" in finding
        for finding in reported
    )
    assert any(finding.startswith("item PROJECT#saxaul-alxa STOCK: cannot be read") for finding in reported)
    assert any(finding.startswith("user u-43: earned 240 is not") for finding in reported)


def test_totals_that_cannot_be_read_are_reported(three_weeks: Stack) -> None:
    day, year = date(2026, 6, 5), FacilityYear(FACILITY.id, 2026)
    ImpactStore(three_weeks.ledger).put(Tally(day))
    ImpactStore(three_weeks.ledger).put(Tally(year))
    assert findings(three_weeks) == []

    tamper(tally_key(day), acts={"user alipay": [1]})
    tamper(tally_key(year), months={"2026-06 solar": ["many"]})

    assert [finding.partition(": cannot be read")[0] for finding in sorted(findings(three_weeks))] == [
        "item IMPACT#2026-06 DAY#2026-06-05",
        "item IMPACT#FACILITIES#2026 FACILITY#dc-zhangbei",
    ]


def test_items_of_other_kinds_are_ignored(three_weeks: Stack) -> None:
    three_weeks.ledger.put_all([{"pk": "SEASON#2026", "sk": "x"}, {"pk": "USER#u-42", "sk": "SETTINGS"}])

    assert findings(three_weeks) == []


def run_during_scans(monkeypatch: pytest.MonkeyPatch, *steps: tuple[str, Callable[[], object]]) -> None:
    """Run each step during a scan, right after the first item whose key begins with the text given for the step.

    The first step runs during the scan of all items, the second one during the scan that counts trees. Both scans read
    one item per page.
    """
    waiting = iter(steps)

    def scan_with_steps(table: Table, **rest: Any) -> Iterator[Item]:  # noqa: ANN401 - the scan's own arguments
        after, step = next(waiting, ("nothing", lambda: None))
        for item in scan(table, PaginationConfig={"PageSize": 1}, **rest):
            yield item
            if f"{item['pk']} {item['sk']}".startswith(after):
                step()
                after = "nothing"

    monkeypatch.setattr(reconcile, "scan", scan_with_steps)


def test_a_settlement_between_reading_the_redemptions_and_reading_the_wallet_is_not_a_fault(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_during_scans(monkeypatch, ("USER#u-42 TREE#", lambda: settle(three_weeks, "third")))

    assert findings(three_weeks) == []
    assert three_weeks.wallet().spent == 160


def test_an_order_that_is_placed_after_its_redemption_was_read_is_not_a_fault(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_during_scans(monkeypatch, ("USER#u-43 WALLET", three_weeks.run_planting_batch))

    assert findings(three_weeks) == []
    assert len(keys_of(three_weeks, "ORDER#")) == 2


def test_saplings_that_are_reserved_after_the_stock_was_read_are_not_a_fault(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_during_scans(
        monkeypatch,
        ("PROJECT#", lambda: settle(three_weeks, "third")),
        ("USER#u-42 TREE#", lambda: settle(three_weeks, "fourth", user_id="u-43")),
    )

    assert findings(three_weeks) == []
    assert three_weeks.stock().reserved == 4


def test_a_redemption_that_becomes_nobodys_during_the_scan_is_not_a_fault(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption_id = three_weeks.redemptions.of_user("u-42")[0].redemption_id
    begin_erasure(three_weeks, "u-42")
    run_during_scans(monkeypatch, ("USER#u-42 TREE#", lambda: move_to_nobody(three_weeks, redemption_id)))

    assert findings(three_weeks) == []
    assert three_weeks.redemptions.of_user("u-42") == []


def test_what_does_not_add_up_while_a_person_is_erased_is_told_and_is_no_fault(three_weeks: Stack) -> None:
    erasures, mark = Erasures(three_weeks.ledger), begin_erasure(three_weeks, "u-42")
    move_to_nobody(three_weeks, three_weeks.redemptions.of_user("u-42")[0].redemption_id)
    reported: list[Finding] = []

    during = reconcile.reconcile(three_weeks.ledger, reported.append)
    erasures.finish(mark, NOON)
    after = findings(three_weeks)

    told = "the wallet spent 80 points, but the redemptions took 0"
    assert during.faults == 0
    assert [(one.detail, one.is_fault) for one in reported] == [(f"is being erased: {told}", False)]
    assert after == [f"user u-42: {told}"]


def test_the_trees_of_nobody_are_checked(three_weeks: Stack) -> None:
    nobodys = move_to_nobody(three_weeks, three_weeks.redemptions.of_user("u-42")[0].redemption_id)
    [key] = keys_of(three_weeks, "NOBODY#")
    tamper(key, state="composted")

    number = nobodys.trees[0].number
    [order_id] = three_weeks.order_ids()
    found = findings(three_weeks)

    assert any(line.startswith(f"item {key.pk} {key.sk}: cannot be read") for line in found)
    assert any(line.startswith(f"order {order_id}: lists tree {number} of redemption") for line in found)


def test_the_command_prints_the_sums_and_exits_with_0_if_everything_adds_up(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, "--table", three_weeks.ledger.name)

    words = capsys.readouterr().out.split()
    assert code == 0
    assert words[:5] == ["users", "checked", "2", "points", "earned"]
    assert {"500", "80", "260", "160"} <= set(words)


def test_the_json_has_the_sums_and_each_finding(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(WALLET, spent=81)
    capsys.readouterr()

    code = run(monkeypatch, "--table", three_weeks.ledger.name, "--json")

    found = json.loads(capsys.readouterr().out)
    assert code == 1
    assert found.keys() == {"table", "adds_up", "ledger", "batches", "findings"}
    assert (found["table"], found["adds_up"], found["batches"]) == ("Ledger", False, None)
    assert found["ledger"] == {"users": 2, "earned": 500, "ripening": 80, "spendable": 260, "spent": 161, "faults": 2}
    detail = "the wallet spent 81 points, but the redemptions took 80"
    assert {"subject": "user u-42", "detail": detail, "is_fault": True} in found["findings"]


def test_the_command_names_the_user_and_exits_with_1_if_something_does_not_add_up(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(WALLET, spent=81)

    code = run(monkeypatch, "--table", three_weeks.ledger.name)

    reported = capsys.readouterr().out
    assert code == 1
    assert "✗ user u-42: the wallet spent 81 points, but the redemptions took 80" in reported
    assert "2 faults: the ledger does not add up" in reported


def test_a_negative_balance_is_printed_but_is_not_a_fault(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.put_period(make_period(make_entry(points=10), version=0))
    stack.redemptions.add(make_redemption(points=30).reserved(stack.clock.instant))
    stack.ledger.put(
        {**WALLET._asdict(), "balance": -20, "spent": 30, "credited": {"2026-06-05": 10}, "settled_g": 0}, 0
    )
    tree = stack.redemption("r-1").trees[0].number
    stack.ledger.put_all([{"pk": f"CERT#{tree}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    planned = stack.stock().planned(make_tree_project(saplings=1), SHANGHAI, stack.clock.instant)
    transact([stack.stocks.plan_write(planned, stack.clock.instant)])
    transact([stack.spending.reserve_write(stack.stock(), 1, stack.clock.instant)])

    code = run(monkeypatch, "--table", "Ledger")

    assert code == 0
    assert "· user u-42: the wallet is at -20 points" in capsys.readouterr().out


def test_a_missing_table_ends_the_command_with_an_error_message(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stack.ledger.name != "Nowhere"

    assert run(monkeypatch, "--table", "Nowhere") == 1
    assert capsys.readouterr().err.startswith("✗ Nowhere could not be read")


@pytest.mark.usefixtures("stack")
def test_a_read_that_aws_does_not_answer_ends_the_command_with_an_error_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise UnansweredError("timeout")

    monkeypatch.setattr(reconcile, "reconcile", fail)

    assert run(monkeypatch, "--table", "Ledger") == 1
    errors = capsys.readouterr().err
    assert errors.startswith("✗ Ledger could not be read: timeout. If the stack has ended, start it with: make up.")


def test_without_a_table_the_command_uses_the_laptop_stack(
    three_weeks: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "before")
    tables = {"ledger": three_weeks.ledger.name, "catalog": "Catalog", "activity": "Activity"}
    dead_letters = sqs().create_queue(QueueName="ActionDeadLetterQueue")["QueueUrl"]
    queues = {"actions": three_weeks.actions_url, "actions_dead_letter": dead_letters}
    known = {"endpoint_url": "http://localhost:4566", "tables": tables, "queues": queues, "time_zone": "Asia/Shanghai"}
    (tmp_path / "stack.json").write_text(json.dumps(known))
    made: list[str] = []

    def client_of_moto(_: str, *, endpoint_url: str, **__: object) -> object:
        made.append(endpoint_url)
        return sqs()

    monkeypatch.setattr("operations.reconcile.boto3.client", client_of_moto)

    assert run(monkeypatch) == 0
    assert os.environ["AWS_ENDPOINT_URL"] == "http://localhost:4566"
    assert made == ["http://localhost:4566"]


def test_without_a_stack_the_command_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))

    assert run(monkeypatch) == 1
    assert "make up" in capsys.readouterr().err


def test_the_size_of_an_item_counts_names_text_and_numbers(stack: Stack) -> None:
    digests = {"alipay": b"123456" * 1000}
    period = Period(PeriodKey(USER, "2026"), {f"alipay:{n}": make_entry() for n in range(6)}, digests=digests)
    stack.put_period(period)

    stored = size_of(stack.ledger.get(Key("USER#u-42", "PAGE#2026")))

    assert 6_300 < stored < 6_500
    assert [size_of("梭"), size_of(True), size_of(None), size_of([])] == [3, 1, 1, 3]
