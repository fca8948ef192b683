"""A deployed stack is rolled back as `make deploy` deploys it, and each advice can be run as it is printed."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from local import rollback
from local.client import file_of
from local.deployment import NO_CREDENTIALS
from local.good_deployments import GoodDeployment, RecordError
from local.plan import Plan
from local.sam import ROOT
from local.target import Target, account_of

TREES = Target("trees", "eu-west-1")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The state folder, in a shell whose AWS is nowhere."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(rollback, "account_of", lambda _: "123456789012")
    return tmp_path


@pytest.mark.parametrize("asks", [True, False])
def test_a_rollback_deploys_with_the_stage_of_the_record_and_asks_unless_it_is_told_not_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asks: bool
) -> None:
    deployed: list[object] = []

    def deploy(template: Path, target: Target, plan: Plan, *, asks: bool, lock: int) -> None:
        assert lock > 0
        deployed.append((template, target, plan.stage, dict(plan.parameters), asks))

    monkeypatch.setattr(rollback, "run_sam_deploy", deploy)

    with rollback.deployed_stack(TREES, asks=asks) as stack:
        stack.deploy(tmp_path, {"Stage": "prod"})

    assert deployed == [(tmp_path, TREES, "prod", {"Stage": "prod"}, asks)]


@pytest.mark.parametrize(("given", "asks"), [([], True), (["--yes"], False)])
def test_yes_does_not_ask(monkeypatch: pytest.MonkeyPatch, given: list[str], asks: bool) -> None:
    asked: list[bool] = []

    @contextmanager
    def noting(_: Target, *, asks: bool) -> Iterator[None]:
        asked.append(asks)
        yield

    monkeypatch.setattr(rollback, "deployed_stack", noting)
    monkeypatch.setattr(rollback, "rollback", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["local.rollback", "--stack", "trees", "--region", "eu-west-1", *given])

    rollback.main()

    assert asked == [asks]


def test_credentials_for_another_account_bring_nothing_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rollback, "account_of", account_of)
    file_of("trees").write_text(json.dumps({"region": "eu-west-1", "account": "999999999999"}))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "k")
    monkeypatch.setattr(sys, "argv", ["local.rollback", "--stack", "trees"])

    with mock_aws(), pytest.raises(SystemExit):
        rollback.main()

    assert "recorded here in the account 999999999999" in capsys.readouterr().err


GOOD = {"Parameters": {"Stage": {}}, "Globals": {"Function": {"AutoPublishAlias": "live"}}}


@pytest.mark.parametrize(
    "template", [{}, GOOD | {"Parameters": {"TimeZone": {}}}, GOOD | {"Globals": {"Function": {"Timeout": 9}}}]
)
def test_a_deployment_of_a_release_without_stages_or_aliases_is_refused(
    capsys: pytest.CaptureFixture[str], template: dict[str, Any]
) -> None:
    record = GoodDeployment("2027-06-05T01:00:00Z", "abc", json.dumps(template), {})

    with pytest.raises(SystemExit):
        rollback.refuse_earlier_release(record)

    assert "is of a release before the stages and the aliases" in capsys.readouterr().err


def test_a_deployment_of_this_release_is_not_refused() -> None:
    template = (ROOT / "template.yaml").read_text("utf-8")

    rollback.refuse_earlier_release(GoodDeployment("2027-06-05T01:00:00Z", "abc", template, {}))


def test_a_rollback_leaves_stage_and_protection_as_they_are() -> None:
    before = {"Stage": "dev", "DeletionProtection": "false", "HarvestTime": "07:00"}
    wanted = GoodDeployment("2027-06-05T01:00:00Z", "abc", "", before)
    now = wanted._replace(parameters={"Stage": "prod", "DeletionProtection": "true", "HarvestTime": "09:00"})

    back = rollback.as_protected_as(now, wanted).parameters

    assert back == {"Stage": "prod", "DeletionProtection": "true", "HarvestTime": "07:00"}
    assert rollback.as_protected_as(None, wanted) == wanted


def test_what_is_advised_names_the_stack_and_its_region(capsys: pytest.CaptureFixture[str]) -> None:
    with rollback.deployed_stack(TREES, asks=True) as stack, pytest.raises(SystemExit):
        rollback.chosen_of([], None, stack.of_stack)

    assert "make deploy STACK=trees REGION=eu-west-1" in capsys.readouterr().err


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (NoCredentialsError(), NO_CREDENTIALS),
        (RecordError("the record x is not one"), "The stack was not brought back. the record x"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetTemplate"), "AccessDenied"),
    ],
)
def test_why_a_stack_was_not_brought_back_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, printed: str
) -> None:
    monkeypatch.setattr(rollback, "rollback", raising(error))
    monkeypatch.setattr(sys, "argv", ["local.rollback", "--stack", "trees", "--region", "eu-west-1"])

    with pytest.raises(SystemExit) as ended:
        rollback.main()

    assert ended.value.code == 1
    assert printed in " ".join(capsys.readouterr().err.split())
