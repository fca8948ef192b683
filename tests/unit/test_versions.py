"""What lets a changed parameter publish new versions, and which versions a deployment has published."""

from pathlib import Path

import boto3
from botocore.stub import Stubber

from local.fingerprint import is_current, remember
from local.versions import LATEST, NOTE, at_once, note_parameters, point_to, published, values_after

PARAMETERS = {"HarvestTime": "07:00", "TimeZone": "Asia/Shanghai"}


def noted(built: Path, parameters: dict[str, str]) -> str:
    note_parameters(built, parameters)
    return (built / NOTE).read_text("utf-8")


def test_the_layer_changes_with_the_value_of_each_parameter_and_not_with_their_order(tmp_path: Path) -> None:
    written = {noted(tmp_path, found) for found in (PARAMETERS, PARAMETERS | {"HarvestTime": "08:00"}, {})}

    assert len(written) == 3
    assert noted(tmp_path, dict(reversed(PARAMETERS.items()))) in written
    assert noted(tmp_path, PARAMETERS) != noted(tmp_path, {"HarvestTime": "Asia/Shanghai", "TimeZone": "07:00"})


def test_a_parameter_that_is_not_given_keeps_its_value_and_has_its_default_in_a_new_stack() -> None:
    first = values_after({"HarvestTime": "08:00", "DeletionProtection": "false"}, {})
    second = values_after({}, first | {"DeletionProtection": "true", "GoneWithARelease": "x"})

    assert (first["HarvestTime"], first["CatalogDelay"]) == ("08:00", "60")
    assert second == first
    assert values_after({"CatalogDelay": "61"}, first) != first


def test_a_build_is_not_made_again_because_its_note_was_written(tmp_path: Path) -> None:
    note_parameters(tmp_path / "build", {})
    remember(tmp_path / "build", PARAMETERS, tmp_path)

    note_parameters(tmp_path / "build", PARAMETERS)

    assert is_current(tmp_path / "build", PARAMETERS, tmp_path)


def test_the_published_versions_are_those_in_the_arns() -> None:
    of = "arn:aws:lambda:eu-west-1:123456789012:function"

    assert published([f"{of}:trees-ViewForest-1:7", f"{of}:trees-PlaceOrders-2:12"]) == {
        "trees-ViewForest-1": "7",
        "trees-PlaceOrders-2": "12",
    }


def test_traffic_moves_at_once_with_the_parameter_that_the_template_of_the_deployment_has() -> None:
    assert at_once({"Shift": "Linear10PercentEvery1Minute", "TimeZone": "UTC"}) == {
        "Shift": "AllAtOnce",
        "TimeZone": "UTC",
    }
    assert at_once({"TimeZone": "UTC"}) == {"TimeZone": "UTC"}


def test_the_alias_points_to_another_version_and_the_one_before_is_told() -> None:
    client = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s")
    named = {"FunctionName": "trees-ViewForest-1", "Name": "live"}
    with Stubber(client) as stub:
        stub.add_response("get_alias", {"FunctionVersion": "7"}, named)
        stub.add_response("update_alias", {"FunctionVersion": LATEST}, {**named, "FunctionVersion": LATEST})

        assert point_to(client, "trees-ViewForest-1", LATEST) == "7"
        stub.assert_no_pending_responses()
