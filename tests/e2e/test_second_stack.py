"""A second stack beside the first: made by `make deploy`, protected as a prod stack, and ended by `make destroy`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import boto3

from local.client import open_client
from local.deployment import client_arguments
from local.sam import ROOT
from saxaul_client import AppClient
from tests.e2e.everything import everything, what_is_new

NAME, REGION = "second", "eu-west-1"


def make(*arguments: str, fails: bool = False) -> str:
    """Run a command of the Makefile without its first step, which installs. Return what it printed, or its failure."""
    command = ["make", "--no-print-directory", "--old-file=env", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our Makefile
    assert (done.returncode != 0) is fails, done.stdout[-3000:] + done.stderr
    return done.stderr if fails else done.stdout


def test_a_second_stack_lives_beside_the_first_and_leaves_nothing(stack: dict[str, Any], state_folder: Path) -> None:
    endpoint = stack["endpoint_url"]
    places = [client_arguments(endpoint, region) for region in (stack["region"], REGION)]
    before = [everything(place) for place in places]

    printed = make("deploy", f"STACK={NAME}", f"REGION={REGION}", "STAGE=prod", "ENDPOINT=laptop", "YES=1")

    known = json.loads((state_folder / f"{NAME}.json").read_text())
    assert (known["region"], known["stage"], known["endpoint_url"]) == (REGION, "prod", endpoint)
    assert f"API        {known['api_url']}" in printed
    assert known["api_url"] != stack["api_url"]
    assert "✓ testing the API over HTTP" in printed
    assert sorted(what_is_new(before[0], everything(places[0]))) == ["iam list_roles", "s3 list_buckets"]
    tagged = boto3.client("dynamodb", **places[1])
    assert how_the_ledger_is(tagged, known) == (True, {"project": "saxaul", "stage": "prod"})

    refused = make("destroy", f"STACK={NAME}", f"YES={NAME}", fails=True)
    assert f"{NAME} is a prod stack, so nothing was deleted" in refused
    assert "would lose its protection" in make("deploy", f"STACK={NAME}", "STAGE=dev", "YES=1", fails=True)
    make("deploy", f"STACK={NAME}", "STAGE=dev", "FORCE=1", "YES=1")
    assert how_the_ledger_is(tagged, known) == (False, {"project": "saxaul", "stage": "dev"})

    make("story", f"STACK={NAME}")
    assert "1 tree standing" in make("status", f"STACK={NAME}")
    tables = [boto3.client("dynamodb", **place) for place in places]
    persons = persons_in(tables[1], known["tables"]["ledger"])
    assert persons
    assert persons.isdisjoint(persons_in(tables[0], stack["tables"]["ledger"]))

    said = make("destroy", f"STACK={NAME}", f"YES={NAME}")

    assert known["tables"]["ledger"] in said
    key = [line for line in said.splitlines() if "the signing key" in line and "KMS deletes on" in line]
    assert len(key) == 1
    assert what_is_new(before[0], everything(places[0])) == {}
    left = what_is_new(before[1], everything(places[1]))
    [pending] = left.pop("kms list_keys")
    assert left == {"resourcegroupstaggingapi get_resources": {f"arn:aws:kms:{REGION}:000000000000:key/{pending}"}}
    state = boto3.client("kms", **places[1]).describe_key(KeyId=pending)["KeyMetadata"]["KeyState"]
    assert state == "PendingDeletion"
    again = make("destroy", f"STACK={NAME}", f"REGION={REGION}", "ENDPOINT=laptop", f"YES={NAME}", fails=True)
    assert "nothing is left of one" in again
    assert not list(state_folder.glob(f"**/{NAME}*"))
    with open_client(AppClient, "alipay") as alipay:
        assert alipay.wallet("nobody-of-them").spendable == 0


def how_the_ledger_is(dynamodb: Any, known: dict[str, Any]) -> tuple[bool, dict[str, str]]:  # noqa: ANN401 - a client
    """Return whether the ledger's table is protected, and the tags of ours that it has."""
    table = dynamodb.describe_table(TableName=known["tables"]["ledger"])["Table"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    ours = {tag["Key"]: tag["Value"] for tag in tags if tag["Key"] in ("project", "stage")}
    return table["DeletionProtectionEnabled"], ours


def persons_in(dynamodb: Any, table: str) -> set[str]:  # noqa: ANN401 - a client
    """Return the keys of all persons in a ledger."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return {item["pk"]["S"] for page in pages for item in page["Items"] if item["pk"]["S"].startswith("USER#")}
