"""Shows which functions read the queues and streams of a stack, and stops or starts them.

    python -m operations.workers [list]
    python -m operations.workers stop AccruePoints | all
    python -m operations.workers start AccruePoints | all

A function that is stopped reads nothing: what it would have read waits in its queue, for up to 14 days, or in its
stream, for 24 hours. A deployment starts none of them again. `start` also takes away a reserved concurrency of 0, with
which Lambda does not run a function. The exit code of the list is 1 if one is stopped.
"""

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from local.client import of_stack, stack_with
from local.command import add_json, command_parser, run_command
from local.console import console, exit_with, print_json, shown
from local.invoking import lambda_client
from local.tables import Column, print_table

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PATIENCE = 120
"""Seconds to wait until AWS has stopped or started all workers. It usually takes less than half a minute."""

_CALL = 20
"""Seconds to wait for an answer of Lambda."""


class Worker(NamedTuple):
    """A function that reads a queue or a stream.

    Attributes:
        function: the logical id of the function in the template, and ``name`` its name on AWS.
        uuid: the id of its event source mapping.
        state: that of the mapping, such as ``Enabled`` or ``Disabled``.
        reserved: the function's reserved concurrency. None if it has none.
    """

    function: str
    name: str
    uuid: str
    source: str
    state: str
    reserved: int | None

    @property
    def is_running(self) -> bool:
        return self.state not in {"Disabled", "Disabling"} and self.reserved != 0


def workers_of(client: "LambdaClient", functions: dict[str, str]) -> list[Worker]:
    """Return the workers of a stack, by their names. ``functions`` has the name on AWS of each logical id."""
    logical = {name: function for function, name in functions.items()}
    found = []
    for page in client.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            name = mapping["FunctionArn"].split(":")[6]  # a version or an alias may follow it
            if name in logical:
                reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
                found.append(
                    Worker(
                        logical[name],
                        name,
                        mapping["UUID"],
                        _source(mapping["EventSourceArn"]),
                        mapping["State"],
                        reserved,
                    )
                )
    return sorted(found)


def _source(arn: str) -> str:
    """Return the name of a queue, or that of the table of a stream."""
    resource = arn.split(":", 5)[5]
    return f"stream of {resource.split('/')[1]}" if "/stream/" in resource else resource


def change(client: "LambdaClient", workers: Iterable[Worker], *, run: bool) -> None:
    """Stop or start workers, and wait until AWS has done so for all of them.

    All are told before the first is waited for. Ends the program if it takes too long, and names those that are left.
    """
    left = {worker.uuid: worker for worker in workers}
    for worker in left.values():
        if run and worker.reserved == 0:
            client.delete_function_concurrency(FunctionName=worker.name)
        client.update_event_source_mapping(UUID=worker.uuid, Enabled=run)
    wanted, deadline = "Enabled" if run else "Disabled", time.monotonic() + PATIENCE
    while True:
        for worker in [*left.values()]:
            if client.get_event_source_mapping(UUID=worker.uuid)["State"] == wanted:
                del left[worker.uuid]
                console.print(f"{shown(worker.function)}: {'started' if run else 'stopped'}")
        if not left:
            return
        if time.monotonic() > deadline:
            names = ", ".join(worker.function for worker in left.values())
            exit_with(f"Not {wanted.lower()} after {PATIENCE} seconds: {names}. Look again later.")
        time.sleep(1)


def show(workers: list[Worker]) -> None:
    print_table(
        [Column("function"), Column("reads", least=24), Column("state")],
        [(worker.function, worker.source, _state(worker)) for worker in workers],
    )
    for worker in workers:
        if not worker.is_running:
            console.print(f'start it again: make workers{of_stack()} DO="start {worker.function}"', soft_wrap=True)


def _state(worker: Worker) -> str:
    return "reserved concurrency 0" if worker.reserved == 0 else worker.state.lower()


def main() -> None:
    parser = command_parser("operations.workers", __doc__, is_whole=True)
    parser.add_argument(
        "do", nargs="?", choices=("list", "stop", "start"), default="list", help="what to do; list if it is not named"
    )
    parser.add_argument("function", nargs="?", default="", help="a function such as AccruePoints, or all")
    add_json(parser)
    chosen = parser.parse_args()
    known = stack_with("functions")
    client = lambda_client(known, _CALL)
    workers = workers_of(client, known["functions"])
    if chosen.do == "list":
        if chosen.json:
            print_json({"workers": [worker._asdict() | {"is_running": worker.is_running} for worker in workers]})
        else:
            show(workers)
        sys.exit(0 if all(worker.is_running for worker in workers) else 1)
    named = [worker for worker in workers if chosen.function in {worker.function, "all"}]
    if not named:
        exit_with(f"Name one of the workers, or all: {', '.join(worker.function for worker in workers)}.")
    change(client, named, run=chosen.do == "start")


if __name__ == "__main__":
    run_command(main)
