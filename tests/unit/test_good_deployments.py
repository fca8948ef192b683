"""What passed the check is recorded where the code is, and found again; and the right one of the records is chosen."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local import good_deployments, rollback
from local.good_deployments import KEPT, GoodDeployment, GoodDeployments, RecordError
from local.rollback import LIST, Restorable, chosen_of, wait_until_settled

ARGUMENTS: dict[str, Any] = {"region_name": "eu-west-1", "aws_access_key_id": "k", "aws_secret_access_key": "s"}
NAME = "trees"
BUCKET = "artefacts"


DEFAULTS = {"HarvestTime": "07:00", "Shift": "AllAtOnce", "Stage": "dev"}


def template(number: int) -> str:
    code = {"CodeUri": f"s3://{BUCKET}/code-{number}"}
    parameters = {name: {"Type": "String", "Default": default} for name, default in DEFAULTS.items()}
    topic = {"Type": "AWS::SNS::Topic", "Metadata": code}
    functions = {"Function": {"AutoPublishAlias": "live"}}
    return json.dumps({"Parameters": parameters, "Globals": functions, "Resources": {"Topic": topic}})


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CloudFormation, with a bucket for the code, and a clock that is a minute later at each record."""
    minutes = count()

    monkeypatch.setattr(good_deployments, "now", lambda: f"2027-06-05T01:{next(minutes):02}:00Z")
    monkeypatch.setattr(good_deployments, "release_here", lambda: "abc123")
    with mock_aws():
        boto3.client("s3", **ARGUMENTS).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield boto3.client("cloudformation", **ARGUMENTS)


def deploy(aws: Any, number: int, **parameters: str) -> None:  # noqa: ANN401 - a client
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    exists = any(stack["StackName"] == NAME for stack in aws.describe_stacks()["Stacks"])
    (aws.update_stack if exists else aws.create_stack)(StackName=NAME, TemplateBody=template(number), Parameters=given)


@pytest.fixture
def deployments() -> GoodDeployments:
    return GoodDeployments(NAME, ARGUMENTS)


def test_a_stack_that_does_not_exist_has_no_records(deployments: GoodDeployments) -> None:
    assert deployments.all() == []
    assert deployments.current() is None
    assert deployments.status() == ""
    with pytest.raises(RecordError):
        deployments.record()


def test_a_record_has_the_template_and_the_parameters_that_are_deployed(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    deploy(aws, 1, HarvestTime="08:00")

    recorded = deployments.record()

    assert GoodDeployments(NAME, ARGUMENTS).all() == [recorded]
    assert json.loads(recorded.template) == json.loads(template(1))
    assert (recorded.parameters, recorded.release) == (DEFAULTS | {"HarvestTime": "08:00"}, "abc123")


def test_the_same_deployment_is_recorded_once(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    deploy(aws, 1)
    first = deployments.record()

    assert deployments.record() == first
    assert deployments.all() == [first]


def test_other_parameters_are_another_deployment(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    deploy(aws, 1)
    deployments.record()
    deploy(aws, 1, HarvestTime="09:00")

    deployments.record()

    assert [one.parameters["HarvestTime"] for one in deployments.all()] == ["07:00", "09:00"]


def test_the_newest_ten_are_kept_in_order(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    for number in range(KEPT + 3):
        deploy(aws, number)
        deployments.record()

    codes = [json.loads(one.template)["Resources"]["Topic"]["Metadata"]["CodeUri"] for one in deployments.all()]
    assert codes == [f"s3://{BUCKET}/code-{number}" for number in range(3, KEPT + 3)]


def test_a_stack_has_no_records_of_another_whose_name_begins_alike(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    deploy(aws, 1)
    deployments.record()

    aws.create_stack(StackName="tree", TemplateBody=template(1))
    assert GoodDeployments("tree", ARGUMENTS).all() == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"commit": "abc"}',
        b'{"checked_at": "cut',
        b"[]",
        b"",
        b"\xff",
        b'{"checked_at": "t", "release": "r", "template": {}, "parameters": []}',
    ],
)
def test_a_record_that_cannot_be_read_is_left_out_and_named(
    body: bytes,
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: "Rolled",
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(aws, 1)
    good = deployments.record()
    key = f"saxaul-deployments/{NAME}/2099-06-05T01:00:00Z.json"
    boto3.client("s3", **ARGUMENTS).put_object(Bucket=BUCKET, Key=key, Body=body)
    deploy(aws, 2)

    rolled.back()

    assert [code for code, _ in rolled.deployed] == [f"s3://{BUCKET}/code-1"]
    assert f"{key} cannot be read by this release" in " ".join(capsys.readouterr().out.split())
    assert deployments.all() == [good]


def test_a_record_of_a_later_release_may_have_more_fields(aws: Any, deployments: GoodDeployments) -> None:  # noqa: ANN401
    deploy(aws, 1)
    good = deployments.record()
    later = good._replace(checked_at="2099-06-05T01:00:00Z")
    key = f"saxaul-deployments/{NAME}/{later.checked_at}.json"
    body = json.dumps({**later._asdict(), "by": "somebody"}).encode()
    boto3.client("s3", **ARGUMENTS).put_object(Bucket=BUCKET, Key=key, Body=body)

    assert deployments.all() == [good, later]


# --- which deployment comes back --------------------------------------------------------------------------------------

FIRST = GoodDeployment("2027-06-05T01:00:00Z", "abc", "t1", {})
LATER = GoodDeployment("2027-06-06T01:00:00Z", "def", "t2", {})


def test_the_newest_comes_back_unless_another_is_named() -> None:
    assert chosen_of([FIRST, LATER], None, "") == LATER
    assert chosen_of([FIRST, LATER], FIRST.checked_at, "") == FIRST


def test_without_a_record_the_command_says_that_there_is_nothing_to_go_back_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        chosen_of([], None, "")
    assert "nothing to go back to" in (printed := capsys.readouterr().err)
    assert "make up" in printed


def test_a_time_that_is_not_recorded_lists_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chosen_of([FIRST, LATER], "yesterday", " STACK=trees")

    printed = capsys.readouterr().err
    assert f"  {FIRST.checked_at}  release abc\n  {LATER.checked_at}  release def\n" in printed
    assert f"make rollback TO={LATER.checked_at} STACK=trees" in printed


class Rolled:
    """A stack that is deployed and checked without AWS. ``fails`` is whether a function fails afterwards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, deployments: GoodDeployments) -> None:
        self.deployed: list[tuple[str, dict[str, str]]] = []
        self.fails = False
        self._deployments = deployments
        monkeypatch.setattr(rollback, "check_functions", self._check)

    def _check(self, *_: object) -> None:
        if self.fails:
            raise SystemExit(1)

    def back(self, to: str | None = None) -> None:
        client: Any = boto3.client("cloudformation", **ARGUMENTS)

        def again(file: Any, parameters: Any) -> None:  # noqa: ANN401
            self.deployed.append(
                (json.loads(file.read_text())["Resources"]["Topic"]["Metadata"]["CodeUri"], parameters)
            )
            given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
            client.update_stack(StackName=NAME, TemplateBody=file.read_text(), Parameters=given)

        rollback.rollback(Restorable(self._deployments, again, dict, ""), to)


@pytest.fixture
def rolled(monkeypatch: pytest.MonkeyPatch, deployments: GoodDeployments) -> Rolled:
    return Rolled(monkeypatch, deployments)


def test_a_bad_deployment_is_replaced_by_the_last_good_one_with_its_parameters(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(aws, 1, HarvestTime="08:00")
    good = deployments.record()
    deploy(aws, 2, HarvestTime="09:00")

    rolled.back()

    assert rolled.deployed == [(f"s3://{BUCKET}/code-1", DEFAULTS | {"HarvestTime": "08:00"})]
    assert deployments.all() == [good]
    assert f"The stack is back at the deployment of {good.checked_at}, release abc123" in capsys.readouterr().out


def test_a_rollback_moves_the_traffic_at_once_because_the_alarms_of_the_bad_version_would_stop_a_gradual_shift(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(aws, 1, Shift="Canary10Percent5Minutes")
    deployments.record()
    deploy(aws, 2, Shift="Canary10Percent5Minutes")

    rolled.back()
    printed = capsys.readouterr().out
    rolled.back()

    assert [parameters["Shift"] for _, parameters in rolled.deployed] == ["AllAtOnce"]
    assert "Its traffic moved at once: Shift is AllAtOnce now.\n" in printed
    assert "The stack already has this deployment" in capsys.readouterr().out


def test_a_second_rollback_deploys_nothing_and_says_so(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(aws, 1)
    deployments.record()
    deploy(aws, 2)
    rolled.back()
    capsys.readouterr()

    rolled.back()

    assert len(rolled.deployed) == 1
    assert "The stack already has this deployment" in capsys.readouterr().out


def test_an_earlier_deployment_that_was_brought_back_is_the_last_good_one(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
) -> None:
    deploy(aws, 1)
    first = deployments.record()
    deploy(aws, 2)
    deployments.record()

    rolled.back(first.checked_at)
    deploy(aws, 3)
    rolled.back()

    assert [code for code, _ in rolled.deployed] == [f"s3://{BUCKET}/code-1"] * 2


def test_what_fails_after_a_rollback_is_not_recorded(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
) -> None:
    deploy(aws, 1)
    first = deployments.record()
    deploy(aws, 2)
    second = deployments.record()
    rolled.fails = True

    with pytest.raises(SystemExit):
        rolled.back(first.checked_at)

    assert deployments.all() == [first, second]


def test_the_list_shows_each_deployment_and_changes_nothing(
    aws: Any,  # noqa: ANN401
    deployments: GoodDeployments,
    rolled: Rolled,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(aws, 1)
    good = deployments.record()

    rolled.back(LIST)

    listed, explained = capsys.readouterr().out.splitlines()
    assert listed == f"{good.checked_at}  release abc123, deployed now"
    assert "once" in explained
    assert rolled.deployed == []


class Settling(GoodDeployments):
    def __init__(self, *statuses: str) -> None:
        self._statuses = [*statuses]

    def status(self) -> str:
        return self._statuses.pop(0)


def test_a_deployment_that_still_runs_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.rollback.time.sleep", lambda _: None)
    settling = Settling("UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")

    wait_until_settled(settling)

    assert settling._statuses == []  # noqa: SLF001


def test_a_stack_that_cloudformation_could_not_undo_is_named_with_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        wait_until_settled(Settling("UPDATE_ROLLBACK_FAILED"))

    assert "continue-update-rollback" in capsys.readouterr().err
