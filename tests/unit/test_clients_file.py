"""catalog/clients.yaml: the clients of the default programme, and the errors of a file that is not valid."""

from pathlib import Path

import pytest

from local.registration import load_clients
from local.seed import load
from local.template import resources
from saxaul.catalog.clients import clients_named_in
from saxaul.catalog.entries import KINDS


def test_the_file_has_the_clients_of_the_template_and_no_others() -> None:
    declared = {client["ClientName"] for client in resources("AWS::Cognito::UserPoolClient").values()}

    assert load_clients().keys() == declared


def test_the_scopes_of_a_client_in_the_template_are_those_of_its_role() -> None:
    app = {"actions.write", "suggestions.read", "wallets.read", "trees.redeem", "grants.write"}
    scopes = {"app": app, "partner": {"planting.write"}, "operator": {"catalog.write"}}

    for client in resources("AWS::Cognito::UserPoolClient").values():
        role = load_clients()[client["ClientName"]].role
        assert set(client["AllowedOAuthScopes"]) == {f"saxaul/{scope}" for scope in scopes[role]}, client


def test_every_app_and_partner_that_the_default_catalog_names_is_registered() -> None:
    clients = load_clients().values()
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
    partners = [partner for client in load_clients().values() for partner in client.partners]

    assert len(partners) == len(set(partners)) == 3


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("bikes: {role: app}", "bikes: trust: an app must have a trust"),
        ("bikes: {role: app, trust: third_party, partners: [A]}", "bikes: partners: a client of the role partner"),
        ("see: {role: partner}", "see: partners: a client of the role partner must have partners"),
        ("see: {role: operator, trust: first_party}", "see: trust: an app must have a trust, and no other client"),
        ("see: {role: king}", "see: role: this must be 'app', 'partner' or 'operator'"),
        ("See: {role: operator}", "See: name: an id in the catalog must have"),
        ("see: {role: operator, name: other}", "see: this must be a mapping with a role, and without a name"),
        ("see: operator", "see: this must be a mapping"),
        ("see: {role: operator, secret: x}", "see: secret: there is no such field"),
        ("[1]", "is not a mapping of client names"),
        ("{", "cannot be read"),
    ],
)
def test_a_file_with_an_error_is_refused_with_a_line_that_names_it(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(text)

    with pytest.raises(ValueError, match=r".") as refused:
        load_clients(file)

    assert error in str(refused.value)


def test_all_errors_of_a_file_are_reported_together(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text("a: {role: app}\nb: {role: partner}\nc: {role: operator}")

    with pytest.raises(ValueError, match=r"(?s)a: trust.*b: partners") as refused:
        load_clients(file)

    assert "c:" not in str(refused.value)


def test_an_app_of_a_facility_is_a_reference_to_a_client() -> None:
    [reference] = clients_named_in("facilities", {"app": "bikes", "names": 1})

    assert (reference.field, reference.role, reference.name) == ("app", "app", "bikes")
