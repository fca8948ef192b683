"""Invokes functions of the running laptop stack with events, and shows what they answered and logged.

    python -m local.invoke ViewForest                        with its example event, events/view_forest.json
    python -m local.invoke ViewForest --event my-event.json  with another event, which is sent as it is
    python -m local.invoke all                               every function with its example, as a table

The examples are made right for the stack first (local/example_events.py), and written to events/ in the state folder,
where they can be copied from. The exit code is 1 if a function fails, answers with a status of 500 or more, gives a
message back, or refuses its example, or if its example could not be prepared.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, exit_on_failure, is_on_laptop, make_secret_advice, stack, stack_clock, stack_name
from local.command import add_json, command_parser, non_empty, path, run_command
from local.console import apart_from_the_output, exit_with, print_failure, print_json, progress, shown, step
from local.container_engine import EngineError
from local.example_events import Scene, event_file, prepare
from local.example_person import ExamplePerson, example_person
from local.function_logs import reason_of
from local.invoking import SERVER_ERROR, Invocation, invoke
from local.lambda_image import local_run
from local.sam import ROOT, state
from local.shown_invocations import document_of, log_texts, show_invocation, show_table
from local.stack_clock import StackClock
from saxaul_client import Problem

ALL = "all"

_IN_ORDER = (
    *("ManageApps", "EndOverlaps", "ManageCatalog", "PublishCatalog", "ManageGrants", "SuggestCampaigns"),
    *("IngestActions", "AccruePoints", "FindRepeats", "TallyImpact", "RedeemTrees", "SettleRedemptions"),
    *(
        "SweepRedemptions",
        "PlaceOrders",
        "ScheduleOrders",
        "TakeReports",
        "HashPhotos",
        "ViewForest",
        "ManagePersons",
        "ProveTrees",
        "ViewImpact",
    ),
)
"""The order in which all functions are invoked: from the catalog to an ordered tree. The others come last."""


class Sent(NamedTuple):
    """An event that a function is invoked with.

    Attributes:
        content: the event, as JSON.
        file: a file with the same content.
        unprepared: why the stack could not give the person of the example what the event needs; empty if it could.
    """

    content: bytes
    file: Path
    unprepared: str = ""


Invoker = Callable[[str, Sent], Invocation]
"""Invokes a function, given its logical id, with an event."""


def invoke_all(names: Sequence[str], run: Invoker) -> list[tuple[Invocation, str | None]]:
    """Invoke functions with their examples, one after another. Return each with why it is a fault, if it is."""
    person, found = example_person(), []
    with progress("invoking each function", "functions", len(names)) as tell:
        for name in names:
            sent = prepared(name, person)
            invocation = run(name, sent)
            found.append((invocation, fault_of(invocation, sent, is_example=True)))
            tell(len(found))
    return found


def fault_of(found: Invocation, sent: Sent, *, is_example: bool) -> str | None:
    """Return why an invocation is a fault, with the line of the project's code in which it was raised; or None."""
    fault = found.fault(is_example=is_example)
    if fault is None:
        return f"its example could not be prepared: {sent.unprepared}" if sent.unprepared else None
    reason = reason_of(found, fault)
    return f"{reason.error} in {reason.where}" if reason.where else reason.error


def prepared(function: str, person: ExamplePerson) -> Sent:
    """Return the example event of a function as it is now right for the stack, after giving its person what it needs.

    If the API fails at that, the function may be the reason itself. So it gets its example nevertheless.

    Ends the program if there is no event, or if the stack lacks the credentials of the client that sends it.
    """
    source = event_file(function)
    if not source.exists():
        exit_with(f"{function} has no example: {source} is missing.")
    unprepared = _get_ready(person, function)
    known = stack()
    clients = {name: client["client_id"] for name, client in known["clients"].items()}
    scene = Scene(stack_clock().now_ns(), ZoneInfo(known["time_zone"]), clients, person.user_id)
    if person.redemption:
        scene = scene._replace(redemption_id=person.redemption.redemption_id)
    try:
        event = prepare(source.read_text("utf-8"), scene)
    except KeyError as missing:
        name = str(missing.args[0])
        exit_with(f"The example of {function} is sent by {name}, which has no credentials. {make_secret_advice(name)}")
    file = state() / "events" / source.name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return Sent(file.read_bytes(), file, unprepared)


def _get_ready(person: ExamplePerson, function: str) -> str:
    """Give the person what the event of a function needs. Return why the API failed at that, or an empty text."""
    try:
        person.get_ready_for(function)
    except Problem as problem:
        if problem.status < SERVER_ERROR:
            raise
        return f"{problem.route} failed with the status {problem.status}"
    return ""


def read_event(file: Path) -> Sent:
    """Return an event as a file has it. Ends the program, and says where, if the file cannot be read as JSON."""
    if file.exists() and not (file.is_file() or file.is_dir()):
        exit_with(f"{file} is not a regular file: a pipe or a device may never end.")
    try:
        content = file.read_bytes()
        json.loads(content)
    except OSError as error:
        exit_with(f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        exit_with(f"{file} is not JSON in UTF-8.")
    except json.JSONDecodeError as error:
        exit_with(f"{file} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.")
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        exit_with(f"{file} cannot be read as JSON: {error}.")
    return Sent(content, file)


def function_named(name: str) -> str:
    """Return the logical id of a function, however its words are joined: ViewForest, view_forest or viewforest.

    Ends the program, and lists the functions, if there is no such function.
    """
    functions: list[str] = sorted(stack()["functions"])
    plain = {function.lower(): function for function in functions}
    found = plain.get(name.lower().replace("_", "").replace("-", ""))
    if found is None:
        exit_with(f"There is no function {name!r}. These are the functions:", [f"  {known}" for known in functions])
    return found


def on_the_stack(function: str, sent: Sent) -> Invocation:
    """Invoke a function as it is deployed on the stack. Ends the program if the emulator does not answer."""
    try:
        return invoke(stack(), function, sent.content)
    except (BotoCoreError, ClientError) as error:
        exit_with(aws_failure(f"{function} could not be invoked", error))


def run(name: str, event: Path | None, invoker: Invoker, *, as_json: bool) -> bool:
    """Invoke the function of that name, or all. Print what became of it, and return whether no fault was found."""
    if name == ALL and event:
        exit_with("Each function needs an event of its own: name one function with the event.")
    if name == ALL:
        return _run_all(invoker, as_json=as_json)
    return _run_one(function_named(name), event, invoker, as_json=as_json)


def _run_all(invoker: Invoker, *, as_json: bool) -> bool:
    functions = stack()["functions"]
    others = sorted(functions.keys() - set(_IN_ORDER))
    found = invoke_all([*(function for function in _IN_ORDER if function in functions), *others], invoker)
    if as_json:
        print_json({"functions": [document_of(*each) for each in found]})
    else:
        show_table(found)
    for invocation, fault in found:
        if fault:
            print_failure(f"{invocation.function}: {fault}", [f"  {line}" for line in log_texts(invocation)])
    return not any(fault for _, fault in found)


def _run_one(function: str, event: Path | None, invoker: Invoker, *, as_json: bool) -> bool:
    if event:
        sent = read_event(event)
    else:
        with step(f"preparing the example of {shown(function)}"):
            sent = prepared(function, example_person())
    with step(f"invoking {shown(function)}", f"with {shown(_short(sent.file))}"):
        found = invoker(function, sent)
    fault = fault_of(found, sent, is_example=event is None)
    if as_json:
        print_json(document_of(found, fault))
    else:
        show_invocation(found, fault)
    if fault:
        print_failure(f"{function}: {fault}")
    return fault is None


def _short(file: Path) -> Path:
    """Return a path as a developer in the project's folder writes it."""
    return file.relative_to(ROOT) if file.is_relative_to(ROOT) else file


@contextmanager
def in_lambda_image() -> Iterator[Invoker]:
    """Yield how functions are run in Lambda's image. Ends the program, and says why, if they cannot be."""
    if StackClock().offset:
        exit_with("The clock of this stack was moved, and a container has that of this machine. Use make invoke.")
    try:
        with local_run(stack()) as found:
            yield lambda function, sent: found.invoke(function, sent.file)
    except EngineError as error:
        exit_with(str(error))
    except (BotoCoreError, ClientError) as error:
        exit_with(aws_failure("The laptop stack could not be reached", error))


def main() -> None:
    parser = command_parser("local.invoke", __doc__, is_whole=True)
    parser.add_argument("function", type=non_empty, help="the function's name, or all")
    parser.add_argument("--event", type=path, help="a file with the event, as JSON; by default, its example")
    parser.add_argument("--in-lambda-image", action="store_true", help="run it in a container, by sam local invoke")
    add_json(parser)
    chosen = parser.parse_args()
    if not is_on_laptop():
        exit_with(
            f"{stack_name()} is on AWS: the examples are for the laptop stack, and would change a real programme."
        )
    way = in_lambda_image() if chosen.in_lambda_image else nullcontext(on_the_stack)
    with apart_from_the_output(needed=chosen.json), exit_on_failure(), way as invoker:
        is_sound = run(chosen.function, chosen.event, invoker, as_json=chosen.json)
    sys.exit(0 if is_sound else 1)


if __name__ == "__main__":
    run_command(main)
