"""Invokes each function of a stack with harmless events, and says which functions fail and why.

`make up`, `make deploy` and `make rollback` do so after each deployment.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from local.console import exit_with, progress
from local.function_events import Callers, HarmlessEvent, events_for
from local.function_logs import Reason, one_line, reason_of
from local.invoking import Invocation, invoke_with, lambda_client
from local.template import resources
from saxaul.catalog.clients import OPERATOR

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PATIENCE = 40
"""Seconds within which a function must answer. A busy laptop may take half of it to start workers for all functions."""

WHOLE_PATIENCE = 90
"""Seconds after which the check asks no further function. One that was asked before still has its time."""

_AT_ONCE = 4
"""How many functions are asked at the same time. Each may start a worker, which takes a second of a processor."""

_ERRORS = frozenset({"ERROR", "CRITICAL"})


class Fault(NamedTuple):
    """A function that failed: its logical id, what it was asked for, and why it failed."""

    function: str
    about: str
    reason: Reason

    def lines(self) -> list[str]:
        """Return what a person reads: the function with the error, and below it what it was asked for, and where."""
        where = [f"    in {one_line(self.reason.where)}"] if self.reason.where else []
        return [f"  {self.function}: {one_line(self.reason.error)}", *where, f"    when it was asked for: {self.about}"]


def check_functions(known: Mapping[str, Any], advice: Sequence[str]) -> Callers:
    """Check each function of a stack, and return as whom its API was called.

    Ends the program if a function fails, with its error and where it happened. ``advice`` says what to do then.

    Args:
        known: how to reach the stack, as ``DeployedStack.describe`` returns it.
        advice: the lines below the faults.
    """
    callers = Callers(known["clients"][OPERATOR]["client_id"])
    with closing(lambda_client(known, PATIENCE, _AT_ONCE)) as client:
        callers = registered_callers(client, known["functions"], callers)
        events = events_for(callers)
        missing = [_without_event(name) for name in known["functions"] if name not in events and name in functions()]
        _exit_if_any([*missing, *_faults(client, known, events)], known, advice)
    return callers


def check_as_registered(known: Mapping[str, Any], before: Callers, advice: Sequence[str]) -> None:
    """Check what only apps and partners may ask for, if none was registered ``before``, and some are now."""
    with closing(lambda_client(known, PATIENCE, _AT_ONCE)) as client:
        now = registered_callers(client, known["functions"], Callers(before.operator))
        was, events = events_for(before), events_for(now)
        new = {name: [event for event in found if event not in was[name]] for name, found in events.items()}
        if any(new.values()):
            asked = {name: found for name, found in new.items() if found}
            _exit_if_any(_faults(client, known, asked), known, advice)


def registered_callers(client: "LambdaClient", functions: Mapping[str, str], callers: Callers) -> Callers:
    """Return the callers with a first-party app and a partner, if any is registered and active.

    If ManageApps does not say so, the check itself finds out why.
    """
    [asked, *_] = events_for(callers)["ManageApps"]
    try:
        answered = _ask(client, functions, "ManageApps", asked)
        apps = json.loads(answered.answer["body"])["apps"] if answered.status == asked.status else []
    except (BotoCoreError, ClientError, KeyError, ValueError):
        return callers
    ids: dict[str, str] = {}
    for app in apps:
        if app["state"] == "active" and set(app["scopes"]) >= _NEEDED.get(app["kind"], {"none"}):
            ids.setdefault(app["kind"], app["client_id"])
    return callers._replace(app=ids.get("first_party"), partner=ids.get("partner"))


_NEEDED = {
    "first_party": {"trees.redeem", "grants.write", "wallets.read", "suggestions.read"},
    "partner": {"planting.write"},
}
"""The scopes that an app needs so that the check can call the API as this app, by its kind."""


def _faults(
    client: "LambdaClient", known: Mapping[str, Any], events: Mapping[str, Sequence[HarmlessEvent]]
) -> list[Fault]:
    """Ask the functions, several at a time, and return what is wrong with them, sorted by function."""
    found: list[Fault] = []
    asked = {name: harmless for name, harmless in events.items() if name in known["functions"]}
    ends_at = monotonic() + WHOLE_PATIENCE
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        waiting = {threads.submit(_fault_of, client, known, name, asked[name], ends_at) for name in asked}
        with progress("checking that each function answers", "functions", len(asked)) as tell:
            found += [fault for fault in _done(waiting, tell) if fault]
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
    return sorted(found)


def _done(waiting: set[Future[Fault | None]], tell: Callable[[int], None]) -> Iterator[Fault | None]:
    for number, future in enumerate(as_completed(waiting), start=1):
        tell(number)
        yield future.result()


def _fault_of(
    client: "LambdaClient", known: Mapping[str, Any], name: str, events: Sequence[HarmlessEvent], ends_at: float
) -> Fault | None:
    """Ask one function for each of its events in turn, and return the first fault."""
    for harmless in events:
        if monotonic() > ends_at:
            return Fault(name, harmless.about, Reason(f"not asked, because the check took over {WHOLE_PATIENCE} s"))
        try:
            invocation = _ask(client, known["functions"], name, harmless)
        except ReadTimeoutError:
            return Fault(name, harmless.about, Reason(f"it did not answer within {PATIENCE} s"))
        except (BotoCoreError, ClientError) as error:
            return Fault(name, harmless.about, Reason(" ".join(f"it cannot be invoked: {error}".split())))
        if why := wrong_in(invocation, harmless):
            return Fault(name, harmless.about, reason_of(invocation, why))
    return None


def _ask(client: "LambdaClient", functions: Mapping[str, str], name: str, harmless: HarmlessEvent) -> Invocation:
    return invoke_with(client, name, functions[name], json.dumps(harmless.event).encode())


def wrong_in(invocation: Invocation, harmless: HarmlessEvent) -> str | None:
    """Return what is wrong with the outcome of an event, or None if it is what must come of it."""
    if invocation.is_error:
        return invocation.failure
    if invocation.status != harmless.status:
        return f"the response has the status {invocation.status}, and not {harmless.status}"
    if harmless.code and f'"{harmless.code}"' not in str(invocation.answer.get("body")):
        return f"the response has not the code {harmless.code}"
    if tuple(invocation.returned_messages) != harmless.returned:
        return invocation.failure or "it took a message that it cannot process"
    if harmless.logged and not any(harmless.logged in line for line in invocation.log):
        return f"it could not process {', '.join(harmless.returned)}"
    return _logged_error(invocation, harmless)


def _logged_error(invocation: Invocation, harmless: HarmlessEvent) -> str | None:
    """Return the message of a logged error, or of any line that says that AWS refused a call.

    A function answers without what it is refused, if it can.
    """
    for line in invocation.log:
        if harmless.logged and harmless.logged in line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = {}
        if "AccessDenied" in line or (isinstance(record, dict) and record.get("level") in _ERRORS):
            said = record.get("message", line) if isinstance(record, dict) else line
            return f"it logged an error: {said}"
    return None


def functions() -> Mapping[str, Any]:
    """Return the functions of the template, by logical id. A stack of an earlier template may have others."""
    return resources("AWS::Serverless::Function")


def _without_event(name: str) -> Fault:
    return Fault(name, "nothing", Reason("there is no harmless event for it in local/function_events.py"))


def _exit_if_any(faults: Sequence[Fault], known: Mapping[str, Any], advice: Sequence[str]) -> None:
    if not faults:
        return
    names = ", ".join(dict.fromkeys(fault.function for fault in faults))
    lines = [line for fault in faults for line in fault.lines()]
    number = f"{len(faults)} of {len(known['functions'])} functions"
    exit_with(f"The stack is deployed, but {number} failed: {names}", [*lines, *advice])
