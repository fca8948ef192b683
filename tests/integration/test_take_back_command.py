"""The command that takes back what an app reported: dry run, hostile journals, and what it leaves."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from operations import take_back, take_back_calls
from operations.json_lines import opened
from operations.take_back_calls import PATIENCE, follow
from operations.take_back_journal import Journal, SentCall
from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Action, Owner
from saxaul.storage.clients import dynamodb
from tests.builders import DAY, NOON, make_action, make_action_type
from tests.integration.operators_commands import Commands
from tests.integration.stack import Stack, call_app, harvest, redeem, wallet_of

BIKES = "bikes"
PERSONS = 12
CALLS = 5
"""How many reversals one call of the command has in these tests."""


def ride(action_id: str, **changes: Any) -> Action:  # noqa: ANN401 - the fields of an action
    """Return a ride of which five a day are paid."""
    return make_action(action_id, type="metro_ride")._replace(**changes)


@pytest.fixture
def commands(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Commands:
    """The commands, on a stack in which an app has invented rides for many persons, and some for u-42."""
    monkeypatch.setattr("operations.take_back_journal.CALL", CALLS)
    monkeypatch.setattr("saxaul.ledger.shares.MAX_WITHHELD", 4)
    stack.seed_catalog(price_points=80)
    stack.seed("action-types", metro_ride=make_action_type(caps=(Cap(window="day", units=Decimal(5)),)))
    for app in (BIKES, "alipay"):
        assert call_app("PUT", app, body={"name": app, "kind": "first_party"}).status == 201
    invented = [ride(f"r-{n}", owner=Owner("user", f"u-{n}"), app=BIKES) for n in range(PERSONS)]
    stack.accrue_all(invented, BIKES)
    stack.accrue_all([ride(f"mine-{n}", app=BIKES, evidence_id=f"e-{n}") for n in range(3)], BIKES)
    stack.accrue_all([ride(f"flood-{n}", app=BIKES) for n in range(11)], BIKES)
    stack.accrue_all([ride(f"honest-{n}", evidence_id=f"e-{n}") for n in range(3)])
    assert call_app("POST", BIKES, "suspend").status == 200
    return Commands(stack, monkeypatch, capsys, tmp_path / "state")


def journal_of(commands: Commands) -> Path:
    [file] = (commands.state / "take-back").iterdir()
    return file


def left(commands: Commands) -> int:
    found = json.loads(commands.run("app-actions", "--json").out)
    return sum(line["standing"] != "reversed" for line in found["actions"])


def test_a_dry_run_says_what_goes_and_changes_nothing(commands: Commands, stack: Stack, tmp_path: Path) -> None:
    stack.clock.instant += DAY
    harvest()
    assert redeem("tree").status == 202
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    before = dynamodb().scan(TableName="Ledger")["Items"]

    ran = commands.run("take-back", "--out", str(tmp_path / "out.json"))

    wallets = {row.pop("user_id"): row for row in json.loads((tmp_path / "out.json").read_text())["wallets"]}
    assert ran.code == 0, ran
    assert dynamodb().scan(TableName="Ledger")["Items"] == before
    assert wallets["u-42"] == {"points_lost": 400 - 240, "points_left": 240 - 80, "trees": 1}
    assert wallets["u-7"] == {"points_lost": 80, "points_left": 0, "trees": 0}
    assert "nothing was changed" in ran.out
    assert ("POST", f"/apps/{BIKES}/reversals") not in commands.calls


def test_the_json_is_all_of_the_output_before_and_after(commands: Commands) -> None:
    before, after = (json.loads(commands.run("take-back", "--json", *more).out) for more in ((), ("--yes", "--active")))

    assert (before["is_done"], after["is_done"]) == (False, True)
    assert len(before["actions"]) == len(after["actions"]) > 0
    assert {wallet["user_id"] for wallet in before["wallets"]} == {wallet["user_id"] for wallet in after["wallets"]}
    assert "points_lost" in before["wallets"][0]
    assert "points_lost" not in after["wallets"][0]
    assert sum(after["fates"].values()) > 0
    assert (after["too_old_actions"], after["are_all_readable"]) == (0, True)


def test_everything_is_taken_back_in_several_calls_and_the_honest_app_is_paid(commands: Commands) -> None:
    before = wallet_of()["earned"]

    ran = commands.run("take-back", "--yes")

    assert ran.code == 0, ran
    assert (before, wallet_of()["earned"]) == (400, 240)
    assert left(commands) == 0
    lines = PERSONS + 3 + 2 + 4 + 1  # of u-42: with evidence, others that are paid, withheld ones, and their sum
    assert commands.calls.count(("POST", f"/apps/{BIKES}/reversals")) == -(-lines // CALLS)
    assert f"✓ nothing of {BIKES} in the span is left" in ran.out
    assert list((commands.state / "take-back").iterdir()) == []
    assert {line["message"] for line in commands.logged()} >= {"an operator runs take-back"}


def test_taking_back_again_changes_nothing(commands: Commands) -> None:
    commands.run("take-back", "--yes")
    before = dynamodb().scan(TableName="Ledger")["Items"]

    again, shown = commands.run("take-back", "--yes"), commands.run("take-back")

    assert (again.code, shown.code) == (0, 0)
    assert dynamodb().scan(TableName="Ledger")["Items"] == before
    assert "can be taken back" in shown.out


@pytest.mark.parametrize("stopped_at", ["begin_round", "note_sent", "note_followed", "end_round"])
@pytest.mark.parametrize("is_noted", [True, False], ids=["after the line", "before the line"])
def test_a_run_that_was_stopped_goes_on(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, stopped_at: str, is_noted: bool
) -> None:
    note = getattr(Journal, stopped_at)

    def stop(journal: Any, *noted: Any) -> None:  # noqa: ANN401 - the method's own
        if is_noted:
            note(journal, *noted)
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, stopped_at, stop)
        with pytest.raises(RuntimeError):
            commands.run("take-back", "--yes")
    with journal_of(commands).open("ab") as journal:
        journal.write(b'{"sent":[1,"')  # a line that the crash cut
    ran = commands.run("take-back", "--yes")

    assert ran.code == 0, ran
    assert wallet_of()["earned"] == 240
    assert left(commands) == 0


def test_calls_that_were_sent_are_not_sent_again(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(take_back, "follow", stop)
        with pytest.raises(RuntimeError):
            commands.run("take-back", "--yes")
    commands.calls.clear()

    commands.run("take-back", "--yes")

    assert ("POST", f"/apps/{BIKES}/reversals") not in commands.calls
    assert left(commands) == 0


def test_the_journal_of_another_stack_is_refused(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(take_back, "send", lambda *_: pytest.fail("stopped"))
        with pytest.raises(pytest.fail.Exception):
            commands.run("take-back", "--yes")
    file = journal_of(commands)
    first, *rest = file.read_text().splitlines(keepends=True)
    about = json.loads(first)
    about["about"]["table"] = "another"
    file.write_text(json.dumps(about) + "\n" + "".join(rest))
    commands.calls.clear()

    ran = commands.run("take-back", "--yes")

    assert (ran.code, commands.calls) == (1, [("GET", "/apps")])
    assert f"{file} is the journal of another stack" in ran.err


def test_two_operators_on_one_machine_do_not_take_back_at_once(commands: Commands) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("operations.json_lines.JsonLines.delete", lambda _: None)
        commands.run("take-back", "--yes")
    with opened(journal_of(commands)):
        ran = commands.run("take-back", "--yes")

    assert ran.code == 1
    assert "Another command uses this file" in ran.err


def test_an_operator_on_another_machine_who_is_faster_disturbs_nobody(
    commands: Commands, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def second(*arguments: Any) -> None:  # noqa: ANN401 - those of follow
        monkeypatch.setattr(take_back, "follow", follow)
        monkeypatch.setenv("SAXAUL_STATE", str(tmp_path / "other"))
        commands.state = tmp_path / "other"
        commands.write_stack()
        assert commands.run("take-back", "--yes").code == 0
        follow(*arguments)

    monkeypatch.setattr(take_back, "follow", second)

    ran = commands.run("take-back", "--yes")

    assert ran.code == 0, ran
    assert left(commands) == 0
    assert stack.periods_of()


def test_what_the_app_reports_in_the_span_meanwhile_is_taken_back_too(
    commands: Commands, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = iter(range(3))

    def report_more(*arguments: Any) -> None:  # noqa: ANN401 - those of follow
        follow(*arguments)
        if (number := next(more, None)) is not None:
            stack.accrue_all([ride(f"more-{number}-{n}", app=BIKES) for n in range(3)], BIKES)

    monkeypatch.setattr(take_back, "follow", report_more)

    ran = commands.run("take-back", "--yes")

    assert ran.code == 0, ran
    assert left(commands) == 0


def test_an_app_that_never_stops_reporting_ends_the_command_with_advice(
    commands: Commands, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call_app("POST", BIKES, "resume").status == 200
    number = iter(range(100))

    def report_more(*arguments: Any) -> None:  # noqa: ANN401 - those of follow
        follow(*arguments)
        stack.accrue_all([ride(f"more-{next(number)}", owner=Owner("user", "u-1"), app=BIKES)], BIKES)

    monkeypatch.setattr(take_back, "follow", report_more)

    ran = commands.run("take-back", "--yes", "--active")

    assert ran.code == 1
    assert next(number) == take_back.MOST_ROUNDS
    assert "bikes is active, and can go on reporting" in ran.out
    assert "bikes goes on reporting in this span. Suspend it, and run the command again." in ran.err
    monkeypatch.setattr(take_back, "follow", follow)
    assert commands.run("take-back", "--yes", "--active").code == 0, "it has stopped reporting"


def test_what_an_active_app_reported_is_not_taken_back_by_mistake(commands: Commands) -> None:
    assert call_app("POST", BIKES, "resume").status == 200
    before = left(commands)

    refused, shown = commands.run("take-back", "--yes"), commands.run("take-back")

    assert refused.code == 1
    assert "bikes is active, and a reversal cannot be undone" in refused.err
    assert (shown.code, left(commands)) == (0, before)
    assert before > 0


def test_an_ended_app_is_taken_back(commands: Commands) -> None:
    assert call_app("DELETE", BIKES).status == 200

    assert commands.run("take-back", "--yes").code == 0
    assert left(commands) == 0


def test_a_repeat_that_counted_for_the_sake_of_another_date_is_taken_back_too(commands: Commands, stack: Stack) -> None:
    stack.accrue_all([ride("twice", owner=Owner("user", "u-1"), occurred_at=NOON - DAY, app=BIKES)], BIKES)
    stack.accrue_all([ride("twice", owner=Owner("user", "u-1"), app=BIKES)], BIKES)

    commands.run("take-back", "--yes")

    assert left(commands) == 0


def test_actions_of_more_than_366_days_ago_stay_and_are_named(commands: Commands, stack: Stack) -> None:
    stack.clock.instant += 367 * DAY

    shown, ran = commands.run("take-back"), commands.run("take-back", "--yes")

    assert "more than 366 days old" in shown.out
    assert "more than 366 days old" in ran.out
    assert f"nothing of {BIKES} in the span can be taken back any more" in ran.out
    assert "is left" not in ran.out
    assert ran.code == 0
    assert wallet_of()["earned"] == 400


def test_a_period_that_cannot_be_read_stays_and_is_named(commands: Commands) -> None:
    broken: Any = {"pk": {"S": "USER#broken"}, "sk": {"S": "PAGE#2026-06-05"}, "v": {"N": "1"}, "z": {"B": b"x"}}
    dynamodb().put_item(TableName="Ledger", Item=broken)

    ran = commands.run("take-back", "--yes")

    assert "✗ the period USER#broken PAGE#2026-06-05 cannot be read" in ran.out
    assert f"nothing of {BIKES} in the span can be taken back any more" in ran.out
    assert "is left" not in ran.out
    assert left(commands) == 0


def test_the_file_says_what_persons_lose_before_it_is_done_and_what_they_have_afterwards(
    commands: Commands, tmp_path: Path
) -> None:
    def written(*arguments: str) -> dict[str, dict[str, int]]:
        out = tmp_path / "out.json"
        assert commands.run("take-back", "--out", str(out), *arguments).code == 0
        return {row.pop("user_id"): row for row in json.loads(out.read_text())["wallets"]}

    before, after = written(), written("--yes")

    assert before["u-42"] == {"points_lost": 160, "points_left": 240, "trees": 0}
    assert after["u-42"] == {"points_left": 240, "trees": 0}
    assert after.keys() == before.keys()


def test_others_are_paid_instead_only_if_persons_lose_less_than_the_app_had_earned(commands: Commands) -> None:
    of_all, of_one = commands.run("take-back"), commands.run("take-back", "--user", "u-7")

    assert "others of their actions earn instead" in of_all.out
    assert "points that persons lose" in of_one.out
    assert "others of their actions earn instead" not in of_one.out


def test_reversals_that_the_api_refuses_in_every_call_end_the_command_with_their_reasons(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object, app_id: str, __: str, lines: Sequence[object]) -> SentCall:
        assert app_id == BIKES
        return SentCall("", {"too_old": len(lines)})

    with monkeypatch.context() as patch:
        patch.setattr(take_back_calls, "_send_one", refuse)
        ran = commands.run("take-back", "--yes")
        again = commands.run("take-back", "--yes")

    assert (ran.code, again.code) == (1, 1)
    assert "The API refuses to reverse what is left." in ran.err
    assert f"{PERSONS + 10} too_old" in ran.err
    assert f"{2 * (PERSONS + 10)} too_old" in again.err
    assert "goes on reporting" not in ran.err + again.err
    assert commands.run("take-back", "--yes").code == 0
    assert left(commands) == 0


def test_a_queue_that_stands_still_ends_the_command_which_goes_on_later(
    commands: Commands, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(stack), "deliver_reported", lambda _: None)
        ran = commands.run("take-back", "--yes")

    assert ran.code == 1
    assert "still wait; see: make reconcile" in ran.err
    assert commands.calls.count(("GET", commands.calls[-1][1])) == PATIENCE * 2 + 1
    assert commands.run("take-back", "--yes").code == 0
    assert left(commands) == 0


@pytest.mark.parametrize("reason", ["x" * 65, "four"])
def test_a_reason_that_no_reversal_can_have_is_refused(commands: Commands, reason: str) -> None:
    ran = commands.run("take-back", "--yes", reason=reason)

    assert ran.code == 1
    assert "5 to 64 characters" in ran.err
    assert commands.calls == []


def test_the_reason_is_that_of_the_reversals(commands: Commands, stack: Stack) -> None:
    commands.run("take-back", "--yes", reason="invented rides, case 17")

    [period] = stack.periods_of()
    assert {entry.reversal for name, entry in period.entries.items() if name.startswith(BIKES)} == {
        "invented rides, case 17"
    }


def test_nothing_left_is_never_said_of_a_scan_that_an_earlier_run_began(
    commands: Commands, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.run("take-back", "--yes")
    with monkeypatch.context() as patch:
        patch.setattr("operations.json_lines.JsonLines.delete", lambda _: None)
        commands.run("app-actions")  # its scan is complete, and stays as that of a run that was killed
    stack.accrue_all([ride("more", owner=Owner("user", "u-1"), app=BIKES)], BIKES)

    ran = commands.run("take-back", "--yes")

    assert "going on with a scan that was stopped" in ran.out
    assert left(commands) == 0
