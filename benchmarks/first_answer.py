"""Start one function and print how long its first response took. cold_starts.py runs this in a fresh interpreter.

    python -I -S -B first_answer.py FUNCTION EVENT CLIENTS PATH…

The function ``bare`` exists only for comparison: it makes the AWS clients in CLIENTS and a logger, and logs a line.
"""

import importlib
import json
import sys
from time import perf_counter


class _Context:
    aws_request_id = "cold-start"

    def get_remaining_time_in_millis(self) -> int:
        return 15_000


def _bare(names: list[str]) -> None:
    boto3 = importlib.import_module("boto3")
    for name in names:
        boto3.client(name)
    importlib.import_module("aws_lambda_powertools").Logger(service="bare").info("started")


def main() -> None:
    function, event_file, clients, *paths = sys.argv[1:]
    with open(event_file) as file:  # noqa: PTH123 - pathlib must not be imported before the clock starts
        event = json.load(file)
    sys.path += paths
    began = perf_counter()
    if function == "bare":
        _bare(clients.split(",") if clients else [])
        made = clients.split(",")
    else:
        importlib.import_module("handler").handler(event, _Context())
        cached = importlib.import_module("saxaul.storage.clients")
        made = [name for name in ("dynamodb", "sqs") if getattr(cached, name).cache_info().currsize]
    ms = (perf_counter() - began) * 1000
    print(json.dumps({"ms": ms, "clients": made}))


main()
