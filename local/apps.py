"""Lists the apps and planting partners of a stack, and makes secrets for them.

    python -m local.apps list                         print a table of all apps and planting partners
    python -m local.apps secret APP [--overlap 60]    make another secret of an app, and write it to the stack's file
    python -m local.apps secret APP --again           the same, instead of the newer one of two secrets

`make seed` registers the apps of a catalog with this module. The API shows a secret only once, so each one is written
to .local/<stack>.json as soon as it is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.client import (
    exit_on_failure,
    of_stack,
    open_client,
    stack,
    stack_clock,
    stack_file,
    stack_name,
)
from local.command import add_json, command_parser, non_empty, run_command, whole_number
from local.console import console, exit_with, print_json, shown
from local.credentials import remember
from local.seeding import Known, Outcome
from local.tables import number, print_table
from local.yaml_files import YamlFile
from saxaul.catalog.apps import App as Document
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.entries import Identifier
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul_client import App, JsonObject, OperatorClient, Problem

FILE = "apps.yaml"
"""The file of a catalog's folder that has its apps. A folder without it has none."""

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def load_apps(folder: Path) -> dict[str, JsonObject]:
    """Read the apps and planting partners of a catalog by their ids, as ``PUT /apps/{app_id}`` takes them.

    Raises:
        ValueError: the file has errors; the message lists all of them.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    file = YamlFile(path, "ids to apps")
    found: list[str] = []
    for app_id, document in file.documents.items():
        try:
            _IDENTIFIER.validate_python(app_id)  # it becomes a part of a path
            if app_id == OPERATOR:
                found += file.lines(app_id, ["this id is that of the operators' client"], "apps")
            Document.model_validate(document)
        except ValidationError as error:
            found += file.lines(app_id, error_lines(error), "apps")
    if found:
        raise ValueError("\n".join(found))
    return file.documents


def document_of_app(app: App) -> dict[str, Any]:
    """Return the document of a registered app, without what has its default."""
    limits = {"calls_per_second": app.limits.calls_per_second, "actions_per_day": app.limits.actions_per_day}
    required = {"name": app.name, "kind": app.kind}
    defaults = Document.model_validate({**required, "partners": app.partners}).granted_scopes
    optional = {
        "scopes": list(app.scopes) if app.scopes != defaults else None,
        "partners": list(app.partners),
        "link_pattern": app.link_pattern,
        "limits": {name: value for name, value in limits.items() if value is not None},
    }
    return required | {name: value for name, value in optional.items() if value}


@dataclass
class Registered:
    """What became of the apps of a catalog: their ids, and in ``outcome`` what was replaced, left or refused."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    without_secret: list[str] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)


def register_apps(operator: OperatorClient, documents: Mapping[str, JsonObject], *, force: bool) -> Registered:
    """Register the missing apps, and write their secrets to the file of the stack. ``force`` changes the others too."""
    done = Registered()
    existing = {app.app_id: app for app in operator.apps()} if documents else {}
    for app_id, document in documents.items():
        try:
            _register(operator, app_id, document, existing.get(app_id), force=force, done=done)
        except Problem as problem:
            done.outcome.note_problem(f"apps/{app_id}", problem)
    return done


def _register(
    operator: OperatorClient, app_id: str, document: JsonObject, found: App | None, *, force: bool, done: Registered
) -> None:
    if found is None:
        app = operator.register_app(app_id, document, new=True)
        if app.client_secret:
            _remember(app, app.client_secret)
        done.added.append(app_id)
    elif found.state == "ended":
        done.ended.append(app_id)
        return
    elif _is_same(found, document):
        app = found
        done.unchanged.append(app_id)
    elif force:
        app = operator.register_app(app_id, document, if_match=f'"{found.version}"')
        done.changed.append(app_id)
        done.outcome.note_replaced(f"apps/{app_id}", _known(found), app.version)
    else:
        app = found
        done.outcome.note_left(f"apps/{app_id}", _known(found))
    if not _has_secret(app):
        done.without_secret.append(app_id)


def _known(app: App) -> Known:
    return Known(app.version, app.changed_by, app.changed_at.isoformat())


def _is_same(app: App, document: JsonObject) -> bool:
    return Document.model_validate(document_of_app(app)) == Document.model_validate(document)


def _has_secret(app: App) -> bool:
    """Return whether the file of the stack has the secret of an app, and not that of an earlier client of its name."""
    credentials: Mapping[str, object] = stack()["clients"].get(app.app_id, {})
    return credentials.get("client_id") == app.client_id


def _remember(app: App, client_secret: str) -> None:
    remember(stack_file(), app.app_id, app.client_id, client_secret, app.scopes)


def report_apps(done: Registered) -> None:
    """Print what became of the apps of a catalog."""
    counts = {"registered": done.added, "changed": done.changed, "unchanged": done.unchanged}
    said = ", ".join(f"{len(names)} {how}" for how, names in counts.items() if names)
    console.print(f"[green]✓[/] apps and planting partners: {shown(said or 'none')}")
    done.outcome.report()
    if done.ended:
        console.print(shown(f"· ended, and never registered again: {', '.join(done.ended)}"))
    if done.without_secret:
        lacking = ", ".join(done.without_secret)
        advice = f"make secret APP={done.without_secret[0]}{of_stack()}"
        console.print(shown(f"· no secret on this machine: {lacking}"))
        console.print(shown(f"    if nobody has it, make another: {advice}"))


def list_apps(*, as_json: bool = False) -> None:
    """Print a table of all apps and planting partners, or print them as JSON."""
    with open_client(OperatorClient, OPERATOR) as operator:
        apps = operator.apps()
    if as_json:
        print_json({"stack": stack_name(), "apps": [_listed(app) for app in apps]})
        return
    print_table(
        ["app", "kind", "state", number("calls/s"), number("actions/day"), "secret here"],
        [
            (
                app.app_id,
                app.kind,
                app.state,
                app.limits.calls_per_second,
                app.limits.actions_per_day,
                "" if app.state == "ended" else "yes" if _has_secret(app) else "no",
            )
            for app in apps
        ],
    )


def _listed(app: App) -> dict[str, Any]:
    """Return an app as JSON. ``has_secret_here`` is whether this machine has its secret."""
    return {
        "app_id": app.app_id,
        "name": app.name,
        "kind": app.kind,
        "state": app.state,
        "calls_per_second": app.limits.calls_per_second,
        "actions_per_day": app.limits.actions_per_day,
        "partners": list(app.partners),
        "has_secret_here": _has_secret(app),
    }


def make_secret(app_id: str, overlap_seconds: int | None, *, again: bool) -> None:
    """Make another secret of an app, and write it to the file of the stack.

    With ``again``, the newer one of two secrets is deleted first, because nobody has it. The older one then ends when
    it was to end before, unless ``overlap_seconds`` says something else.
    """
    with open_client(OperatorClient, OPERATOR) as operator:
        app = operator.app(app_id)
        newest = [secret for secret in app.secrets if secret.ends_at is None]
        ends = [secret.ends_at for secret in app.secrets if secret.ends_at is not None]
        if again and newest and ends:
            operator.delete_secret(app_id, newest[-1].secret_id)
            left = max(0, int(max(ends).timestamp()) - stack_clock().now())
            overlap_seconds = left if overlap_seconds is None else overlap_seconds
        try:
            secret = operator.rotate_secret(app_id, overlap_seconds=overlap_seconds)
        except Problem as problem:
            if problem.code != "rotation_in_progress":
                raise
            exit_with(
                problem.detail,
                [f"If nobody has the newer one, replace it: make secret APP={app_id} AGAIN=1{of_stack()}"],
            )
        _remember(app, secret.client_secret)
    console.print(f"[green]✓[/] {shown(f'wrote a new secret of {app_id} to {stack_file()}')}")
    console.print(shown(f"· the old one works until {secret.old_ends_at:%Y-%m-%d %H:%M:%S %z}"))


def main() -> None:
    parser = command_parser("local.apps", __doc__, is_whole=True)
    parser.add_argument("command", choices=["list", "secret"], help="what to do; the lines above say it")
    parser.add_argument("app", type=non_empty, nargs="?", help="secret: the id of the app or planting partner")
    parser.add_argument("--overlap", type=whole_number(0), help="secret: how many seconds the old secret still works")
    parser.add_argument("--again", action="store_true", help="secret: first delete the newer one of two secrets")
    add_json(parser)
    chosen = parser.parse_args()
    if chosen.json and chosen.command != "list":
        parser.error("--json belongs to list")
    if (chosen.command == "secret") != bool(chosen.app):
        parser.error("secret needs the id of an app, and list has none")
    if chosen.command == "list" and (chosen.overlap is not None or chosen.again):
        parser.error("--overlap and --again need secret")
    with exit_on_failure():
        if chosen.command == "list":
            list_apps(as_json=chosen.json)
        else:
            make_secret(chosen.app, chosen.overlap, again=chosen.again)


if __name__ == "__main__":
    run_command(main)
