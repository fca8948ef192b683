"""Measures what a function uses, in this process: one call of the API, one batch of a queue, or one of the stream."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from time import process_time_ns
from typing import Any

from benchmarks.metering import WRITES, Meter
from benchmarks.scale_units import EVENT_BYTES, Step, Units
from local.template import on_aws, resources
from saxaul.storage import clients

Handler = Callable[[Any, Any], Any]


class LogBytes:
    """A stream that counts what is written to it, as CloudWatch Logs bills it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, text: str) -> int:
        self.bytes += len(text.encode()) + EVENT_BYTES * text.count("\n")
        return len(text)

    def flush(self) -> None:
        pass


class Gauge:
    """Measures what a function uses, in this process."""

    def __init__(self, meter: Meter, log: LogBytes) -> None:
        self._meter = meter
        self._log = log
        self._other: Counter[str] = Counter()
        for name, client in (("signatures", clients.kms()), ("files", clients.s3()), ("events", clients.eventbridge())):
            client.meta.events.register("after-call", self._counting(name))
        for operation in ("GetItem", "BatchGetItem"):
            clients.dynamodb().meta.events.register(f"before-parameter-build.dynamodb.{operation}", self._count_stock)

    def used(self, work: Callable[[], object], trips: Callable[[Counter[str]], float] | None = None) -> Units:
        """Run the work, and return what it used. ``trips`` counts the responses that it waited for in sequence.

        By default, all requests are in sequence.
        """
        other, logged, began = self._other.copy(), self._log.bytes, process_time_ns()
        with self._meter.measured() as used:
            answer = work()
        seconds = (process_time_ns() - began) / 1e9
        found = {name: self._other[name] - other[name] for name in ("signatures", "files", "events", "stock_reads")}
        in_all = used["dynamodb_requests"] + used["SendMessage"] + sum(found.values()) - found["stock_reads"]
        return Units(
            processor_seconds=seconds,
            round_trips=trips(used) if trips else in_all,
            write_units=used["write_units"],
            read_units=sum(
                amount
                for name, amount in used.items()
                if name.endswith(".units") and name.removesuffix(".units") not in WRITES
            ),
            dynamodb_requests=used["dynamodb_requests"],
            sqs_requests=used["sqs_requests"],
            log_bytes=self._log.bytes - logged,
            sent_bytes=len(answer["body"].encode()) if isinstance(answer, dict) and "body" in answer else 0,
            **found,
        )

    def _counting(self, name: str) -> Callable[..., None]:
        def count(model: Any, **_: object) -> None:  # noqa: ANN401 - a type of botocore
            if name != "files" or model.name == "PutObject":
                self._other[name] += 1

        return count

    def _count_stock(self, params: dict[str, Any], **_: object) -> None:
        keys = [params.get("Key", {})]
        read = [request for request in params.get("RequestItems", {}).values() if isinstance(request, dict)]
        keys += [key for request in read for key in request["Keys"]]
        self._other["stock_reads"] += sum(key.get("sk") == {"S": "STOCK"} for key in keys)


def mapping(logical_id: str) -> dict[str, Any]:
    """Return an event source mapping of the template."""
    return resources("AWS::Lambda::EventSourceMapping")[logical_id]


def step(function: str, source: str, small: tuple[int, Units], large: tuple[int, Units]) -> Step:
    """Return a step that handles batches, from what a small and a large batch used."""
    (few, used_few), (many, used_many) = small, large
    each = used_many.plus(used_few, -1).scaled(1 / (many - few))
    each = Units(*(max(0.0, amount) for amount in asdict(each).values()))
    fixed = used_few.plus(each, -few)
    fixed = Units(*(max(0.0, amount) for amount in asdict(fixed).values()))
    declared = mapping(source)
    return Step(function, fixed, each, on_aws(declared["BatchSize"]), declared.get("MaximumBatchingWindowInSeconds", 0))
