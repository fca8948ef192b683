"""What an app reported is listed from the table or from an export of it, and a run that was stopped goes on."""

import errno
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from operations import app_scan
from operations.app_lines import Sought
from operations.app_scan import Scanning
from operations.json_lines import JsonLines, opened
from saxaul.ledger.actions import Owner
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Table
from tests.builders import DAY, NOON, action_bodies, make_action
from tests.integration.operators_commands import Commands
from tests.integration.stack import Stack, call_app

BIKES = "bikes"


@pytest.fixture
def commands(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Commands:
    """The commands, on a stack in which two apps have reported for 21 persons. One of them is an outlier."""
    stack.seed_catalog()
    for app in (BIKES, "alipay"):
        assert call_app("PUT", app, body={"name": app, "kind": "first_party"}).status == 201
        actions = [make_action(f"{app}-{n}", owner=Owner("user", f"u-{n}"), app=app) for n in range(20)]
        actions += [make_action(f"{app}-x-{n}", owner=Owner("user", "u-x"), app=app) for n in range(9)]
        stack.accrue_all(actions, app)
    return Commands(stack, monkeypatch, capsys, tmp_path / "state")


def test_the_actions_of_the_app_are_listed_by_type_and_person_with_the_outlier_first(
    commands: Commands, tmp_path: Path
) -> None:
    ran = commands.run("app-actions", "--out", str(tmp_path / "out.json"))

    found = json.loads((tmp_path / "out.json").read_text())
    assert (ran.code, ran.err) == (0, "")
    assert "bikes reported 29 actions" in ran.out
    assert {name: total["actions"] for name, total in found["types"].items()} == {"bus_ride": 29}
    assert (found["persons"][0]["user_id"], found["persons"][0]["actions"]) == ("u-x", 9)
    assert len(found["persons"]) == 21
    assert {line["action_id"] for line in found["actions"]} == {
        *(f"bikes-{n}" for n in range(20)),
        *(f"bikes-x-{n}" for n in range(9)),
    }
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o600
    assert list((commands.state / "app-actions").iterdir()) == []


def test_the_json_is_all_of_the_output(commands: Commands) -> None:
    ran = commands.run("app-actions", "--json")

    assert len(json.loads(ran.out)["actions"]) == 29


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--user", "u-x"), 9),
        (("--user", "u-3"), 1),
        (("--type", "walking"), 0),
        (("--from", "2026-06-05T12:00", "--to", "2026-06-05T12:00:01+08:00"), 29),
        (("--from", "2026-06-05T12:00:01", "--to", "2026-07-01"), 0),
        (("--from", "2026-06-01", "--to", "2026-06-05T04:00:00Z"), 0),
    ],
)
def test_a_person_a_type_and_a_span_narrow_the_list(commands: Commands, arguments: tuple[str, ...], found: int) -> None:
    assert f"bikes reported {found} actions" in commands.run("app-actions", *arguments).out


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"app": "bikse"}, "✗ No app bikse was ever registered. Similar: bikes.\n"),
        ({"app": "nothing-like-it"}, "✗ No app nothing-like-it was ever registered.\n"),
        ({"reason": "x"}, "✗ REASON: this must have 5 to 200 characters.\n"),
        ({"reason": "x" * 201}, "✗ REASON: this must have 5 to 200 characters.\n"),
        ({"reason": "line\nbreak"}, "✗ REASON: the character U+000A is not allowed.\n"),
    ],
)
def test_a_wrong_app_or_reason_is_refused_before_anything_is_read_or_logged(
    commands: Commands, changes: dict[str, str], sentence: str
) -> None:
    ran = commands.run("app-actions", **changes)

    assert (ran.code, ran.err) == (1, sentence)
    assert commands.logged() == []


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--from", "2026-06-08", "--to", "2026-06-01"), "FROM must be before TO"),
        (("--from", "2026-06-01", "--to", "2026-06-01"), "FROM must be before TO"),
        (("--from", "yesterday", "--to", "2026-06-01"), "is not a time"),
        (("--from", "2026-06-01", "--to", "2026-06-31"), "is not a time"),
        (("--user", "u-x", "--reason", "a complaint about U-X"), "must not have the id of the person"),
    ],
)
def test_an_impossible_span_or_a_reason_with_the_person_is_refused(
    commands: Commands, arguments: tuple[str, ...], part: str
) -> None:
    ran = commands.run("app-actions", *arguments)

    assert ran.code == 1
    assert part in ran.err
    assert commands.logged() == []


def test_the_log_says_who_reads_what_and_why_before_it_is_read(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.app_actions.find", lambda *_: pytest.fail("it was read"))
    boto3.client("logs").delete_log_group(logGroupName="/saxaul/test")

    refused = commands.run("app-actions")

    assert refused.code == 1
    assert "could not be used" in refused.err


def test_the_log_line_names_no_person(commands: Commands) -> None:
    commands.run("app-actions", "--user", "u-x")

    [line] = commands.logged()
    assert (line["message"], line["reason"], line["app"]) == ("an operator runs app-actions", "invented rides", "bikes")
    assert (line["from"], line["to"]) == ("2026-06-01T00:00:00+08:00", "2026-07-01T00:00:00+08:00")
    assert line["operator"].startswith("arn:aws")
    assert "u-x" not in json.dumps(line)


def test_a_stack_file_of_an_earlier_release_is_to_be_renewed(commands: Commands) -> None:
    commands.write_stack()
    file = commands.state / "stack.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in known.items() if name != "log_group"}))

    assert "renew it with: make up" in commands.run("app-actions").err


def test_a_period_that_cannot_be_read_is_named_and_the_others_are_listed(commands: Commands) -> None:
    broken: Any = {"pk": {"S": "USER#broken"}, "sk": {"S": "PAGE#2026-06-05"}, "v": {"N": "1"}, "z": {"B": b"x"}}
    dynamodb().put_item(TableName="Ledger", Item=broken)

    ran = commands.run("app-actions")

    assert "✗ the period USER#broken PAGE#2026-06-05 cannot be read" in ran.out
    assert "bikes reported 29 actions" in ran.out


# --- An export -----------------------------------------------------------------------------------------------------


def as_exported(item: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    """Return an item as an export has it: binary values are base64."""
    import base64  # noqa: PLC0415

    return json.loads(json.dumps(item, default=lambda value: base64.b64encode(bytes(value)).decode()))


@pytest.fixture
def export(commands: Commands, tmp_path: Path) -> Path:
    """A folder with an export of the ledger's table in three files."""
    assert commands
    folder = tmp_path / "AWSDynamoDB" / "01680-2c37d0e1"
    (folder / "data").mkdir(parents=True)
    items = dynamodb().scan(TableName="Ledger")["Items"]
    for number in range(3):
        lines = "".join(json.dumps({"Item": as_exported(item)}) + "\n" for item in items[number::3])
        (folder / "data" / f"{number}.json.gz").write_bytes(gzip.compress(lines.encode()))
    write_manifest(folder)
    return folder


def write_manifest(folder: Path, **changes: str) -> None:
    manifest = {
        "tableArn": "arn:aws:dynamodb:cn-north-1:123456789012:table/Ledger",
        "exportType": "FULL_EXPORT",
        "outputFormat": "DYNAMODB_JSON",
    }
    (folder / "manifest-summary.json").write_text(json.dumps(manifest | changes))


@pytest.mark.parametrize("below", ["", "data", ".."])
def test_an_export_gives_the_same_list_as_the_table(
    commands: Commands, export: Path, tmp_path: Path, below: str
) -> None:
    commands.run("app-actions", "--out", str(tmp_path / "table.json"))
    ran = commands.run("app-actions", "--export", str(export / below), "--out", str(tmp_path / "export.json"))

    of_table, of_export = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("table", "export"))
    assert ran.code == 0, ran
    key = json.dumps
    assert sorted(of_export.pop("actions"), key=key) == sorted(of_table.pop("actions"), key=key)
    assert of_export == of_table


def _another_table(export: Path) -> None:
    write_manifest(export, tableArn="arn:aws:dynamodb:cn-north-1:123456789012:table/Catalog")


def _changes_only(export: Path) -> None:
    write_manifest(export, exportType="INCREMENTAL_EXPORT")


def _cut(export: Path) -> None:
    file = export / "data" / "0.json.gz"
    file.write_bytes(file.read_bytes()[:-20])


def _no_json(export: Path) -> None:
    (export / "data" / "1.json.gz").write_bytes(gzip.compress(b'{"Keys": {}}\n'))


def _another_format(export: Path) -> None:
    for file in (export / "data").iterdir():
        file.rename(file.with_name(file.name.replace("json", "ion")))


def _two_exports(export: Path) -> None:
    other = export.parent / "another"
    other.mkdir()
    (other / "manifest-summary.json").write_text("{}")
    export.joinpath("inner").mkdir()
    (export / "inner" / "manifest-summary.json").write_text("{}")


def _foreign_items(export: Path) -> None:
    (export / "manifest-summary.json").unlink()
    for file in (export / "data").iterdir():
        file.write_bytes(gzip.compress(b'{"Item": {"pk": {"S": "apps"}, "sk": {"S": "bikes"}}}\n'))


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (_another_table, "is about the table Catalog, and not about Ledger"),
        (_changes_only, "is not about a full export"),
        (_cut, "0.json.gz is damaged"),
        (_no_json, "1.json.gz is damaged or no file of a full export"),
        (_another_format, "has no files *.json.gz"),
        (_two_exports, "has 2 exports"),
        (_foreign_items, "it is an export of another table"),
    ],
)
def test_what_is_no_export_of_the_ledger_is_refused_in_one_sentence(
    commands: Commands, export: Path, damage: Callable[[Path], None], part: str
) -> None:
    damage(export)

    ran = commands.run("app-actions", "--export", str(export))

    assert ran.code == 1
    assert part in ran.err
    assert ran.err.count("\n") == 1


def test_a_folder_that_does_not_exist_is_refused(commands: Commands, tmp_path: Path) -> None:
    assert "has no files" in commands.run("app-actions", "--export", str(tmp_path / "nowhere")).err


# --- Going on ------------------------------------------------------------------------------------------------------


class Segments:
    """A table whose scan gives one item with each page, and fails at a call."""

    def __init__(self, items: list[Any], fail_at: int = 10**9) -> None:
        self.items, self.fail_at, self.read = items, fail_at, 0

    def scan(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's own arguments
        mine = self.items[request["Segment"] :: request["TotalSegments"]]
        at = int(request.get("ExclusiveStartKey", {}).get("at", 0))
        self.read += 1
        if self.read > self.fail_at:
            raise KeyboardInterrupt
        more = {"LastEvaluatedKey": {"at": str(at + 1)}} if at + 1 < len(mine) else {}
        return {"Items": mine[at : at + 1], "ScannedCount": len(mine[at : at + 1]), **more}


SOUGHT = Sought(BIKES, 0, 2 * NOON)


def scan(file: JsonLines, now: int = NOON, about: str = "a table") -> list[str]:
    found = Scanning(file, {"table": about}, SOUGHT, now).of_table(Table("Ledger", None), lambda _: None)  # type: ignore[arg-type] # no clock is needed
    return sorted(line.action_id for line in found.lines)


@pytest.fixture
def items(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    assert commands
    monkeypatch.setattr(app_scan, "SEGMENTS", 4)
    monkeypatch.setattr(app_scan, "_AT_A_TIME", 1)
    return list(dynamodb().scan(TableName="Ledger")["Items"])


@pytest.mark.parametrize("stopped_after", [0, 1, 7, 20])
def test_a_scan_that_was_stopped_reads_only_the_rest(
    items: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stopped_after: int
) -> None:
    whole, cut, rest = Segments(items), Segments(items, fail_at=stopped_after), Segments(items)
    for number, segments in enumerate((whole, cut, rest)):
        monkeypatch.setattr(app_scan, "dynamodb", lambda segments=segments: segments)
        with opened(tmp_path / ("whole" if segments is whole else "cut")) as file:
            if segments is cut:
                with pytest.raises(KeyboardInterrupt):
                    scan(file)
            else:
                found = scan(file)
        if number == 0:
            expected = found

    assert found == expected
    assert len(expected) == 29
    assert rest.read == whole.read - stopped_after


@pytest.mark.parametrize(
    ("seconds", "about", "goes_on"), [(3599, "a table", True), (3601, "a table", False), (0, "b", False)]
)
def test_a_scan_goes_on_within_an_hour_and_only_for_the_same_table(
    items: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: int, about: str, goes_on: bool
) -> None:
    first, again = Segments(items), Segments(items)
    for segments, now, of in ((first, NOON, "a table"), (again, NOON + seconds, about)):
        monkeypatch.setattr(app_scan, "dynamodb", lambda segments=segments: segments)
        with opened(tmp_path / "file") as file:
            assert len(scan(file, now, of)) == 29

    assert again.read == (0 if goes_on else first.read)


def test_a_line_that_a_crash_cut_is_dropped(tmp_path: Path) -> None:
    with opened(tmp_path / "file") as file:
        file.append({"a": 1})
        file.append({"b": "长"})
    whole = (tmp_path / "file").read_bytes()
    (tmp_path / "file").write_bytes(whole + b'{"c": "\xe9\x95')

    with opened(tmp_path / "file") as file:
        assert file.records == [{"a": 1}, {"b": "长"}]
        file.append({"d": 4})

    assert (tmp_path / "file").read_bytes() == whole + b'{"d":4}\n'
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_two_runs_of_the_same_command_do_not_work_at_once(commands: Commands) -> None:
    folder = commands.state / "app-actions"
    commands.run("app-actions")
    [name] = [selection_file(commands)]
    with opened(folder / name):
        ran = commands.run("app-actions")

    assert ran.code == 1
    assert "Another command uses this file" in ran.err


def selection_file(commands: Commands) -> str:
    """Return the name of the file of a run that does not end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonLines, "delete", lambda _: None)
        commands.run("app-actions")
    [file] = (commands.state / "app-actions").iterdir()
    return file.name


def test_a_damaged_file_is_named(commands: Commands) -> None:
    file = commands.state / "app-actions" / selection_file(commands)
    file.write_text("[1]\n")

    assert f"{file} is damaged; delete it" in commands.run("app-actions").err


def test_a_full_disk_ends_the_command_in_one_sentence_and_it_goes_on_later(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("operations.json_lines.os.fsync", full)
        ran = commands.run("app-actions")

    assert ran.code == 1
    assert "the disk is full; make room on it. Run the command again; it goes on where it stopped." in ran.err
    assert "bikes reported 29 actions" in commands.run("app-actions").out


def test_actions_of_another_day_and_reversed_ones_are_listed_with_their_standing(
    commands: Commands, stack: Stack
) -> None:
    stack.clock.instant += DAY
    [body] = action_bodies(BIKES, stack.clock.instant, [make_action("late", app=BIKES)._replace(rule=1)])
    stack.accrue(body)

    found = json.loads(commands.run("app-actions", "--json", "--from", "2026-06-06", "--to", "2026-06-08").out)

    assert [(line["action_id"], line["standing"]) for line in found["actions"]] == [("late", "counts")]
