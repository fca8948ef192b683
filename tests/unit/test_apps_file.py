"""catalog/apps.yaml: the apps and planting partners of the default programme, and the errors of a wrong file."""

from pathlib import Path

import pytest

from local.apps import load_apps
from local.seed import FOLDER, load
from local.template import resources
from saxaul.catalog.clients import clients_named_in
from saxaul.catalog.entries import KINDS
from tests.builders import default_clients


def test_the_template_has_the_client_of_operators_and_no_other() -> None:
    [client] = resources("AWS::Cognito::UserPoolClient").values()

    assert client["ClientName"] == "operator"
    assert set(client["AllowedOAuthScopes"]) == {
        f"saxaul/{scope}" for scope in ("catalog.write", "apps.write", "users.read", "users.admin")
    }


def test_the_default_programme_has_four_first_party_apps_a_third_party_app_and_two_partners() -> None:
    kinds = [document["kind"] for document in load_apps(FOLDER).values()]

    assert kinds == [*["first_party"] * 4, "third_party", "partner", "partner"]


def test_every_app_and_partner_that_the_default_catalog_names_is_in_the_file() -> None:
    clients = default_clients().values()
    entries = load()
    named = {
        reference
        for kind in KINDS
        for entity in entries[kind].values()
        for reference in clients_named_in(kind, entity.model_dump(mode="json"))
    }

    assert [reference for reference in named if not any(map(reference.is_met_by, clients))] == []
    assert {reference.role for reference in named} == {"app", "partner"}


def test_no_planting_partner_belongs_to_two_clients() -> None:
    partners = [partner for client in default_clients().values() for partner in client.partners]

    assert len(partners) == len(set(partners)) == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("bikes: {kind: first_party}", "apps/bikes: name"),
        ("bikes: {name: B, kind: third_party, partners: [A]}", "apps/bikes: partners"),
        ("bikes: {name: B, kind: third_party, scopes: [grants.write]}", "apps/bikes: scopes"),
        ("bikes: {name: B, kind: third_party, link_pattern: https://b.example/}", "apps/bikes: link_pattern"),
        ("see: {name: S, kind: partner}", "apps/see: partners"),
        ("see: {name: S, kind: partner, partners: [A], limits: {actions_per_day: 5}}", "apps/see: limits"),
        ("see: {name: S, kind: king}", "apps/see: kind"),
        ("See: {name: S, kind: first_party}", "apps/See: "),
        ("see: {name: S, kind: first_party, secret: x}", "apps/see: secret: there is no such field"),
        ("see: first_party", "apps/see: "),
        ("operator: {name: O, kind: first_party}", "apps/operator: this id is that of the operators' client"),
        ("[1]", "is not a mapping of ids to apps"),
        ("{", "is not YAML"),
    ],
)
def test_a_file_with_an_error_is_refused_with_a_line_that_names_it(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "apps.yaml").write_text(text)

    with pytest.raises(ValueError, match=r".") as refused:
        load_apps(tmp_path)

    assert error in str(refused.value)


def test_all_errors_of_a_file_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "apps.yaml").write_text(
        "a: {name: A, kind: x}\nb: {name: B, kind: partner}\nc: {name: C, kind: first_party}"
    )

    with pytest.raises(ValueError, match=r"(?s)apps/a: kind.*apps/b: partners") as refused:
        load_apps(tmp_path)

    assert "apps/c:" not in str(refused.value)


def test_a_folder_without_the_file_has_no_apps(tmp_path: Path) -> None:
    assert load_apps(tmp_path) == {}


def test_an_app_of_a_facility_is_a_reference_to_a_client() -> None:
    [reference] = clients_named_in("facilities", {"app": "bikes", "names": 1})

    assert (reference.field, reference.role, reference.name) == ("app", "app", "bikes")
