"""What an operator registers of an app, as requests read it, and its links to suggestions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.apps import SCOPES, App, AppKind, AppRecord, AppSecret, SecretsClaim
from saxaul.catalog.clients import RegisteredClient, stored_client
from saxaul.catalog.entries import AppLink
from saxaul.catalog.models import TypeAdapter
from saxaul.catalog.recorded import recorded
from saxaul.http.suggestion_views import Caller
from saxaul.storage.registry import to_item
from saxaul.storage.table import Key, python, raw

_KINDS: tuple[AppKind, ...] = ("first_party", "third_party", "partner")


@st.composite
def apps(draw: st.DrawFn) -> App:
    kind = draw(st.sampled_from(_KINDS))
    is_partner = kind == "partner"
    scopes = st.none() | st.lists(st.sampled_from(SCOPES[kind]), min_size=1)
    limits: dict[str, Any] = draw(st.fixed_dictionaries({}, optional={"calls_per_second": st.integers(1, 100_000)}))
    if not is_partner:
        limits |= draw(st.fixed_dictionaries({}, optional={"actions_per_day": st.integers(1, 10**9)}))
    return App.model_validate(
        {
            "name": draw(st.sampled_from(["Bikes", "树", 'The "Green" Fund'])),
            "kind": kind,
            "scopes": draw(scopes),
            "partners": draw(st.lists(st.sampled_from(["SEE", "Yili"]), min_size=1)) if is_partner else [],
            "link_pattern": None if is_partner else draw(st.sampled_from([None, "https://x.example/{suggestion_id}"])),
            "limits": limits,
        }
    )


@given(apps(), st.booleans())
def test_an_app_and_its_client_are_read_as_they_were_stored(app: App, is_suspended: bool) -> None:
    client = app.client("bikes", is_suspended=is_suspended)
    item = python(raw(to_item("id", client)))

    assert stored_client({name: value for name, value in item.items() if name not in Key._fields}) == client
    assert recorded(App, python(raw(app.model_dump(mode="json")))) == app
    assert App.model_validate(app.model_dump(mode="json")) == app


@given(apps())
def test_a_client_has_the_role_and_the_scopes_of_the_kind_of_its_app(app: App) -> None:
    client = app.client("bikes", is_suspended=False)

    assert set(app.granted_scopes) <= set(SCOPES[app.kind])
    assert app.granted_scopes
    assert client.scopes == app.granted_scopes
    assert (client.role == "partner") == (app.kind == "partner") == bool(client.partners)
    assert client.needs_grants == (app.kind == "third_party")
    assert (client.actions_per_day is None) == (app.kind == "partner")
    assert client.calls_per_second


def test_scopes_are_stored_in_one_order_and_once_so_that_the_same_app_is_no_change() -> None:
    named = App(name="Bikes", kind="third_party", scopes=("wallets.read", "actions.write", "wallets.read"))

    assert named.scopes == ("actions.write", "wallets.read")
    assert App(name="Bikes", kind="third_party") == App(name="Bikes", kind="third_party", scopes=SCOPES["third_party"])


@given(st.text(min_size=1, max_size=64).filter(lambda text: text.encode(errors="ignore").decode() == text))
def test_each_link_by_a_pattern_is_a_valid_link_that_has_nothing_of_the_id_but_its_encoded_form(
    suggestion: str,
) -> None:
    link = Caller("bikes", "https://bikes.example/do/{suggestion_id}?from=saxaul").link_to(suggestion, {})

    assert link is not None
    assert TypeAdapter[str](AppLink).validate_python(link) == link
    assert link.startswith("https://bikes.example/do/")
    assert link.endswith("?from=saxaul")
    assert link.count("?") == 1
    assert link.count("/") == 4


def test_the_link_that_the_operator_entered_comes_before_the_pattern() -> None:
    entered = {"bikes": "https://bikes.example/bus"}

    assert Caller("bikes", "https://bikes.example/{suggestion_id}").link_to("bus", entered) == entered["bikes"]
    assert (
        Caller("other", "https://other.example/{suggestion_id}").link_to("bus", entered) == "https://other.example/bus"
    )
    assert Caller("other").link_to("bus", entered) is None


def test_an_app_is_due_when_the_first_of_its_ends_comes() -> None:
    app = App(name="Bikes", kind="first_party")
    record = AppRecord("bikes", app, "id", 1, 1, 1, "operator", secrets=(AppSecret("s-1", 1),))

    assert record.due_at is None
    assert record._replace(secrets=(AppSecret("s-1", 1, 90), AppSecret("s-2", 2))).due_at == 90
    assert record._replace(claim=SecretsClaim("n", 60), syncing=70).due_at == 60
    assert record._replace(syncing=70).due_at == 70


@pytest.mark.parametrize(("state", "is_suspended"), [("active", False), ("suspended", True)])
def test_the_client_of_an_app_has_its_state(state: Any, *, is_suspended: bool) -> None:  # noqa: ANN401 - a literal
    app = App(name="Bikes", kind="first_party")
    record = AppRecord("bikes", app, "id", 1, 1, 1, "operator", state=state)

    assert record.client == app.client("bikes", is_suspended=is_suspended)
    assert isinstance(record.client, RegisteredClient)
    assert record._replace(state="ended").client is None
