"""Finds a stack, and makes clients of its API."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from botocore.exceptions import ConnectionError as UnconnectedError
from botocore.exceptions import HTTPClientError

from local.console import exit_with
from local.deployment import ADMIN, REGION, client_arguments, reach_directly, use_profile
from local.failures import file_sentence, flat
from local.sam import STACK_NAME, emulator_log, state
from local.stack_clock import StackClock
from saxaul.catalog.clients import OPERATOR
from saxaul.clock import SYSTEM_CLOCK, Clock
from saxaul.deadline import UnansweredError
from saxaul_client import Client, Problem, Retries, SaxaulError, UnreachableError

AnyClient = TypeVar("AnyClient", bound=Client)

LAPTOP = "stack"
"""The name of the laptop stack's file: `make up` writes .local/stack.json."""

_RESERVED = {LAPTOP, "process", "durations"}
"""The names of the files that commands write for the laptop stack, without .json. A deployed stack cannot use them."""

_TIMEOUT = 60
"""Seconds without data after which a request fails. A laptop stack may start many workers at once, and be slow."""


def stack_name() -> str:
    """Return the name of the selected stack: SAXAUL_STACK, or by default that of the laptop stack."""
    return os.environ.get("SAXAUL_STACK") or LAPTOP


def file_of(name: str) -> Path:
    """Return the file in which `make connect` writes how to reach the stack of that name.

    Ends the program if no stack can have that name.
    """
    if not STACK_NAME.fullmatch(name):
        exit_with(f"{name!r} is not a stack name: use a letter, then letters, digits and hyphens.")
    if name in _RESERVED:
        exit_with(f"You cannot connect to a stack named {name}: .local/{name}.json is a file of the laptop stack.")
    return state() / f"{name}.json"


def stack_file() -> Path:
    """Return the file that says how to reach the selected stack."""
    return state() / f"{LAPTOP}.json" if stack_name() == LAPTOP else file_of(stack_name())


def of_stack() -> str:
    """Return what a make command needs after its name and its other variables, to work with the selected stack."""
    return "" if stack_name() == LAPTOP else f" STACK={stack_name()}"


def stack() -> dict[str, Any]:
    """Return how to reach the selected stack, from the file that `make up` or `make connect` wrote.

    Ends the program if there is no such file.
    """
    file = stack_file()
    if not file.exists() and stack_name() == LAPTOP:
        exit_with("The laptop stack is not running; start it with: make up")
    if not file.exists():
        exit_with(f"The stack {stack_name()} is not known here; connect to it in its region, for example: {renewal()}")
    known = _Known.of(file)
    if endpoint := known.get("endpoint_url"):
        reach_directly(endpoint)
    elif profile := known.get("profile"):
        use_profile(profile)
    return known


class _Known(dict[str, Any]):
    """The content of the file of a stack, or a part of it. A name that is not there ends the program with a sentence.

    The file may be of an earlier release, or somebody has edited it.
    """

    def __missing__(self, name: str) -> NoReturn:
        exit_with(f"{stack_file()} has no {name}; write it again, for example: {renewal()}")

    @classmethod
    def of(cls, file: Path) -> "_Known":
        """Read the file. Ends the program if it cannot be read, or is damaged."""
        try:
            found = json.loads(file.read_text("utf-8"), object_hook=cls)
        except OSError as error:
            exit_with(file_sentence(error))
        except ValueError as error:
            line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            exit_with(f"{file}{line} is damaged ({error}); write it again, for example: {renewal()}")
        if not isinstance(found, cls):
            exit_with(f"{file} is damaged; write it again, for example: {renewal()}")
        return found


def stack_with(key: str) -> dict[str, Any]:
    """Return how to reach the selected stack. Ends the program if its file is of an earlier release without this."""
    found = stack()
    if key not in found:
        exit_with(f"{stack_file()} is older than this command; renew it with: {renewal()}")
    return found


def renewal() -> str:
    """Return the command that writes the file of the selected stack again, with a region as an example."""
    return "make up" if stack_name() == LAPTOP else f"make connect{of_stack()} REGION=ap-southeast-1"


def aws_failure(what: str, error: Exception) -> str:
    """Return a sentence about AWS calls that failed, and what to do if the selected stack did not answer.

    Args:
        what: what could not be read or done, as the subject and the verb of the sentence.
    """
    unanswered = isinstance(error, UnconnectedError | HTTPClientError | UnansweredError)
    return f"{what}: {flat(error)}.{f' {unreachable_advice()}' * unanswered}"


def unreachable_advice() -> str:
    """Return what to do if the selected stack does not answer."""
    if stack_name() == LAPTOP:
        return f"If the stack has ended, start it with: make up. If not, {emulator_log()} may say why."
    return "Check the network, and whether the stack still exists."


def is_on_laptop() -> bool:
    """Return whether the selected stack is on the emulator of this machine: the laptop stack, or one beside it."""
    if stack_name() == LAPTOP:
        return True
    return stack_file().exists() and bool(stack().get("endpoint_url"))


def stack_clock() -> Clock:
    """Return the clock of the selected stack. Only that of the emulator can be ahead of this machine's clock."""
    return StackClock() if is_on_laptop() else SYSTEM_CLOCK


def client_arguments_of_stack(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a boto3 client for a stack, given what `stack` returned."""
    return client_arguments(known["endpoint_url"], known.get("region", REGION))


def use_stack(known: Mapping[str, Any]) -> None:
    """Point the AWS clients of this process at a stack, given what `stack` returned.

    They act on a laptop stack as its administrator, and on AWS with the credentials of the environment.
    """
    if known["endpoint_url"]:
        os.environ.update(ADMIN | {"AWS_ENDPOINT_URL": known["endpoint_url"]})
    else:
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    os.environ["AWS_DEFAULT_REGION"] = known.get("region", REGION)


@contextmanager
def exit_on_failure() -> Iterator[None]:
    """End the program with one sentence if the API of the stack cannot be reached, or refuses a call."""
    try:
        yield
    except UnreachableError as error:
        exit_with(f"{stack()['api_url']} cannot be reached: {error}. {unreachable_advice()}")
    except Problem as problem:
        exit_with(str(problem), problem.errors)
    except SaxaulError as error:
        exit_with(str(error))


def open_client(
    kind: type[AnyClient], name: str, scopes: Sequence[str] = (), retries: Retries | None = None
) -> AnyClient:
    """Return a client of the API of the selected stack that acts as one of the stack's OAuth clients.

    Ends the program, and says what to do, if the file of the stack has no credentials of that name.

    Args:
        kind: the class, such as ``AppClient``.
        scopes: the scopes of the token; by default all that the OAuth client has.
        retries: how often and how long a call is repeated; by default as often as an app repeats it.
    """
    known = stack()
    if name not in known["clients"]:
        exit_with(f"{stack_file()} has no secret of {name}. {_advice(name)}")
    credentials = known["clients"][name]
    return kind(
        known["api_url"],
        known["token_url"],
        credentials["client_id"],
        credentials["client_secret"],
        scopes=scopes,
        timeout=_TIMEOUT,
        retries=retries,
    )


def _advice(name: str) -> str:
    """Return how to get the credentials of a client."""
    if name == OPERATOR:
        return f"Read it again, for example: {renewal()}"
    return make_secret_advice(name)


def make_secret_advice(app_id: str) -> str:
    """Return how to get a secret of an app, which the API shows only once."""
    where = of_stack()
    return f"If it is not registered: make seed{where}. If nobody has its secret: make secret APP={app_id}{where}"
