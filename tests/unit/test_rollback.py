"""A deployed stack is rolled back as `make deploy` deploys it, and each advice can be run as it is printed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from local import rollback
from local.deployment import NO_CREDENTIALS
from local.good_deployments import GoodDeployment, RecordError
from local.plan import Plan
from local.target import Target

TREES = Target("trees", "eu-west-1")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The state folder, in a shell whose AWS is nowhere."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return tmp_path


def test_a_rollback_deploys_with_the_stage_of_the_record_and_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deployed: list[object] = []

    def deploy(template: Path, target: Target, plan: Plan, *, asks: bool, lock: int) -> None:
        assert lock > 0
        deployed.append((template, target, plan.stage, dict(plan.parameters), asks))

    monkeypatch.setattr(rollback, "run_sam_deploy", deploy)

    with rollback.deployed_stack(TREES) as stack:
        stack.deploy(tmp_path, {"Stage": "prod"})

    assert deployed == [(tmp_path, TREES, "prod", {"Stage": "prod"}, True)]


def test_a_rollback_leaves_stage_and_protection_as_they_are() -> None:
    before = {"Stage": "dev", "DeletionProtection": "false", "HarvestTime": "07:00"}
    wanted = GoodDeployment("2027-06-05T01:00:00Z", "abc", "", before)
    now = wanted._replace(parameters={"Stage": "prod", "DeletionProtection": "true", "HarvestTime": "09:00"})

    back = rollback.as_protected_as(now, wanted).parameters

    assert back == {"Stage": "prod", "DeletionProtection": "true", "HarvestTime": "07:00"}
    assert rollback.as_protected_as(None, wanted) == wanted


def test_what_is_advised_names_the_stack_and_its_region(capsys: pytest.CaptureFixture[str]) -> None:
    with rollback.deployed_stack(TREES) as stack, pytest.raises(SystemExit):
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
