"""Invokes each function of a stack with harmless events, and says which functions fail and why.

`make up`, `make deploy` and `make rollback` do so after each deployment.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from os import cpu_count, getloadavg
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from local.console import exit_with, print_failure, progress
from local.failures import flat
from local.function_logs import Reason, one_line, reason_of
from local.harmless_events import Callers, HarmlessEvent, events_for
from local.invoking import Invocation, invoke_with, lambda_client
from local.template import resources
from saxaul.catalog.clients import OPERATOR

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PATIENCE = 25
"""Seconds within which a function must answer, if the machine is not busy."""

MOST_PATIENCE = 60
"""Seconds within which a function must answer on any machine."""

_AT_ONCE = 4
"""How many functions are asked at the same time. Each may start a worker, which takes a second of a processor."""

_ERRORS = frozenset({"ERROR", "CRITICAL"})


class Fault(NamedTuple):
    """A function that failed: its logical id, what it was asked for, and why it failed."""

    function: str
    about: str
    reason: Reason

    @property
    def error(self) -> str:
        """The error as one short line. A function may have returned megabytes."""
        return one_line(self.reason.error)

    def lines(self) -> list[str]:
        """Return what stands below the error: where it happened, and what the function was asked for."""
        where = [f"    in {one_line(self.reason.where)}"] if self.reason.where else []
        return [*where, f"    when it was asked for: {self.about}"]


def check_functions(known: Mapping[str, Any], advice: Sequence[str]) -> Callers:
    """Check each function of a stack, and return as whom its API was called.

    Ends the program if a function fails, with its error and where it happened. ``advice`` says what to do then.

    Args:
        known: how to reach the stack, as ``DeployedStack.describe`` returns it.
        advice: the lines below the faults.
    """
    callers = Callers(known["clients"][OPERATOR]["client_id"])
    asking = Asking.of(known)
    with closing(asking.client):
        callers = registered_callers(asking, callers)
        events = events_for(callers)
        missing = [_without_event(name) for name in known["functions"] if name not in events and name in functions()]
        _print(missing)
        _exit_if_any([*missing, *_faults(asking, events)], known, advice)
    return callers


def check_as_registered(known: Mapping[str, Any], before: Callers, advice: Sequence[str]) -> None:
    """Check what only apps and partners may ask for, if none was registered ``before``, and some are now."""
    asking = Asking.of(known)
    with closing(asking.client):
        now = registered_callers(asking, Callers(before.operator))
        was, events = events_for(before), events_for(now)
        new = {name: [event for event in found if event not in was[name]] for name, found in events.items()}
        if any(new.values()):
            asked = {name: found for name, found in new.items() if found}
            _exit_if_any(_faults(asking, asked), known, advice)


def registered_callers(asking: "Asking", callers: Callers) -> Callers:
    """Return the callers with a first-party app and a partner, if any is registered and active.

    If ManageApps does not say so, the check itself finds out why.
    """
    [asked, *_] = events_for(callers)["ManageApps"]
    try:
        answered = asking.invoke("ManageApps", asked)
        apps = json.loads(answered.answer["body"])["apps"] if answered.status == asked.status else []
    except (BotoCoreError, ClientError, KeyError, ValueError):
        return callers
    ids: dict[str, str] = {}
    for app in apps:
        kind = app["kind"]
        if app["state"] == "active" and kind in _NEEDED and _NEEDED[kind] <= set(app["scopes"]):
            ids.setdefault(kind, app["client_id"])
    return callers._replace(app=ids.get("first_party"), partner=ids.get("partner"))


_NEEDED = {
    "first_party": {"trees.redeem", "grants.write", "wallets.read", "suggestions.read"},
    "partner": {"planting.write"},
}
"""The scopes that an app needs so that the check can call the API as this app, by its kind. No other kind is called."""


class Asking:
    """Asks the functions of one stack, several at a time. It gives up when none of them answers any more.

    Attributes:
        client: for Lambda.
        functions: the physical names, by logical id.
        versions: the versions that were deployed, by logical id.
        patience: the seconds within which a function must answer.
    """

    def __init__(
        self, client: "LambdaClient", functions: Mapping[str, str], versions: Mapping[str, str], patience: float
    ) -> None:
        self.client = client
        self.functions = functions
        self.versions = versions
        self.patience = patience
        self._answered_at = monotonic()

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> "Asking":
        """Return one for a stack, given how to reach it."""
        patience = patience_at(getloadavg()[0], cpu_count() or 1)
        return cls(lambda_client(known, patience, _AT_ONCE), known["functions"], known["versions"], patience)

    def invoke(self, name: str, harmless: HarmlessEvent) -> Invocation:
        """Ask one function for one thing.

        Raises:
            BotoCoreError, ClientError: Lambda could not be reached, did not answer in time, or refused the call.
        """
        return invoke_with(self.client, name, self.functions[name], json.dumps(harmless.event).encode())

    def fault_of(self, name: str, events: Sequence[HarmlessEvent]) -> Fault | None:
        """Ask one function for each of its events in turn, and return the first fault."""
        for harmless in events:
            if monotonic() - self._answered_at > self.patience:
                silence = f"not asked, because no function answered within {self.patience:.0f} s"
                return Fault(name, harmless.about, Reason(silence))
            try:
                invocation = self.invoke(name, harmless)
            except ReadTimeoutError:
                return Fault(name, harmless.about, Reason(f"it did not answer within {self.patience:.0f} s"))
            except (BotoCoreError, ClientError) as error:
                return Fault(name, harmless.about, Reason(f"it cannot be invoked: {flat(error)}"))
            self._answered_at = monotonic()
            if why := self._other_version(name, invocation) or wrong_in(invocation, harmless):
                return Fault(name, harmless.about, reason_of(invocation, why))
        return None

    def _other_version(self, name: str, invocation: Invocation) -> str | None:
        """Return what is wrong if clients reach another version than the deployed one, or None."""
        deployed = self.versions.get(name)
        if invocation.version == deployed:
            return None
        return f"version {invocation.version} answered, and not the deployed version {deployed}"


def patience_at(load: float, processors: int) -> float:
    """Return the seconds within which a function must answer on a machine with this load.

    ``load`` is how many processes run or wait for a processor. Up to two for each processor are those of the check.
    """
    return min(MOST_PATIENCE, PATIENCE * max(1.0, load / (2 * processors)))


def _faults(asking: Asking, events: Mapping[str, Sequence[HarmlessEvent]]) -> list[Fault]:
    """Ask the functions, several at a time. Print each fault when it is found, and return all, sorted by function."""
    found: list[Fault] = []
    asked = {name: harmless for name, harmless in events.items() if name in asking.functions}
    threads = ThreadPoolExecutor(_AT_ONCE)
    try:
        waiting = {threads.submit(asking.fault_of, name, asked[name]) for name in asked}
        with progress("checking that each function answers", "functions", len(asked)) as tell:
            for number, future in enumerate(as_completed(waiting), start=1):
                tell(number)
                if fault := future.result():
                    found.append(fault)
                    _print([fault])
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
    return sorted(found)


def _print(faults: Sequence[Fault]) -> None:
    for fault in faults:
        print_failure(f"{fault.function}: {fault.error}", fault.lines())


def wrong_in(invocation: Invocation, harmless: HarmlessEvent) -> str | None:
    """Return what is wrong with the outcome of an event, or None if it is what must come of it."""
    if invocation.is_error:
        return invocation.failure
    if invocation.status != harmless.status:
        return f"the response has the status {invocation.status}, and not {harmless.status}"
    if harmless.code and f'"{harmless.code}"' not in str(invocation.answer.get("body")):
        return f"the response does not have the code {harmless.code}"
    if tuple(invocation.returned_messages) != harmless.returned:
        return invocation.failure or "it took a message that it cannot process"
    if harmless.logged and not any(harmless.logged in line for line in invocation.log):
        return f"it could not process {', '.join(harmless.returned)}"
    return _logged_error(invocation, harmless)


def _logged_error(invocation: Invocation, harmless: HarmlessEvent) -> str | None:
    """Return the message of a logged error, or of any line that says that AWS refused a call.

    A function answers without what it is refused, if it can.
    """
    for line, record in zip(invocation.log, invocation.records, strict=True):
        if harmless.logged and harmless.logged in line:
            continue
        fields = record or {}
        if "AccessDenied" in line or fields.get("level") in _ERRORS:
            return f"it logged an error: {fields.get('message', line)}"
    return None


def functions() -> Mapping[str, Any]:
    """Return the functions of the template, by logical id. A stack of an earlier template may have others."""
    return resources("AWS::Serverless::Function")


def _without_event(name: str) -> Fault:
    return Fault(name, "nothing", Reason("there is no harmless event for it in local/harmless_events.py"))


def _exit_if_any(faults: Sequence[Fault], known: Mapping[str, Any], advice: Sequence[str]) -> None:
    if not faults:
        return
    names = ", ".join(dict.fromkeys(fault.function for fault in faults))
    number = f"{len(faults)} of {len(known['functions'])} functions"
    exit_with(f"The stack is deployed, but {number} failed: {names}", advice)
