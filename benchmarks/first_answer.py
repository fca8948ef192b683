"""Start one function and print how long its first response took. cold_starts.py runs this in a fresh interpreter.

    python -I -S -B first_answer.py FUNCTION EVENT CLIENTS PATH…

If STOP_AFTER_IMPORT is set, it prints a line after the import and waits for a line of input. So the caller can limit
the processor in between. ``ms`` is then the time of the request alone.

Two functions exist only for comparison. Both make the AWS clients in CLIENTS and a logger, and log a line. ``bare``
makes them as the functions of Saxaul do. ``ordinary`` makes them in the usual way, with boto3 and Powertools.
"""

import importlib
import json
import os
import sys
from time import perf_counter, process_time


class _Context:
    aws_request_id = "cold-start"

    def get_remaining_time_in_millis(self) -> int:
        return 15_000


def _bare(names: list[str]) -> None:
    clients = importlib.import_module("saxaul.storage.clients")
    for name in names:
        getattr(clients, name)()
    importlib.import_module("saxaul.observability").logger.info("started")


def _ordinary(names: list[str]) -> None:
    boto3 = importlib.import_module("boto3")
    for name in names:
        boto3.client("events" if name == "eventbridge" else name)
    importlib.import_module("aws_lambda_powertools").Logger(service="ordinary").info("started")


_COMPARED = {"bare": _bare, "ordinary": _ordinary}
_CLIENTS = ("dynamodb", "sqs", "s3", "eventbridge", "kms")


def main() -> None:
    function, event_file, clients, *paths = sys.argv[1:]
    with open(event_file) as file:  # noqa: PTH123 - pathlib must not be imported before the clock starts
        event = json.load(file)
    sys.path += paths
    began, began_cpu = perf_counter(), process_time()
    if function in _COMPARED:
        _COMPARED[function](made := clients.split(",") if clients else [])
        ms, cpu_ms = (perf_counter() - began) * 1000, (process_time() - began_cpu) * 1000
    else:
        handler = importlib.import_module("handler").handler
        if os.environ.get("STOP_AFTER_IMPORT"):
            print("imported", flush=True)
            sys.stdin.readline()
            began, began_cpu = perf_counter(), process_time()
        handler(event, _Context())
        ms, cpu_ms = (perf_counter() - began) * 1000, (process_time() - began_cpu) * 1000
        cached = importlib.import_module("saxaul.storage.clients")
        made = [name for name in _CLIENTS if getattr(cached, name).cache_info().currsize]
    print(json.dumps({"ms": ms, "cpu_ms": cpu_ms, "clients": made}))


main()
