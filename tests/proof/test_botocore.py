"""When a response is lost, botocore repeats the request. The effect is the one that ``Fault.REPEATED`` simulates.

The tests use the real clients with their retries. Only the network is replaced: the in-memory table serves a request,
and then its response is dropped.
"""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import DEADLINE, NoTimeToRepeatError, OutOfTimeError, UnansweredError
from saxaul.ledger.wallets import Wallet
from saxaul.storage.batches import Write, write_batch
from saxaul.storage.clients import CALL_ATTEMPTS, dynamodb, kms, sqs
from saxaul.storage.patience import one_attempt
from saxaul.storage.table import ItemMovedError, Key, Table, transact
from saxaul.storage.wallets import Wallets
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw

LEDGER = Table("Ledger", SYSTEM_CLOCK)
METHODS = {
    "PutItem": "put_item",
    "GetItem": "get_item",
    "UpdateItem": "update_item",
    "BatchGetItem": "batch_get_item",
    "TransactWriteItems": "transact_write_items",
    "BatchWriteItem": "batch_write_item",
    "BatchExecuteStatement": "batch_execute_statement",
}


class Wire:
    """Serves the client's requests from memory. It recognizes a repeated transaction by its token.

    ``lost``: how many responses to drop, with the error ``lost_with``.
    ``under_way``: how many requests to refuse because the first one with their token is still in progress.
    ``throttled``: how many requests to refuse because their item has too many writes.
    """

    def __init__(self) -> None:
        self.store = MemoryDynamoDB()
        self.requests: list[Raw] = []
        self.lost = 0
        self.lost_with: type[BotoCoreError] = ReadTimeoutError
        self.under_way = 0
        self.throttled = 0
        self._tokens: set[str] = set()

    def send(self, request: Any, **_: Any) -> AWSResponse:  # noqa: ANN401 - arguments of botocore's event handlers
        """Return a response, or time out."""
        body: Raw = json.loads(request.body)
        self.requests.append(dict(body))
        status, response = self._serve(request.headers["X-Amz-Target"].decode().partition(".")[2], body)
        if self.lost:
            self.lost -= 1
            raise self.lost_with(endpoint_url=request.url)
        return AWSResponse(request.url, status, HTTPHeaders(), _Raw(json.dumps(response).encode()))

    def _serve(self, operation: str, body: Raw) -> tuple[int, Raw]:
        token = body.pop("ClientRequestToken", None)
        if self.under_way:
            self.under_way -= 1
            return 400, {"__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException"}
        if self.throttled:
            self.throttled -= 1
            return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}
        if token in self._tokens:
            return 200, {}
        try:
            response: Raw = getattr(self.store, METHODS[operation])(**body)
        except ClientError as refused:
            code = refused.response["Error"]["Code"]
            return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **refused.response}
        if token:
            self._tokens.add(token)
        return 200, response


class _Raw:
    """A response body with the ``stream`` method of urllib3."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body


@pytest.fixture
def new_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in (("DEFAULT_REGION", "cn-north-1"), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    clear()
    yield
    clear()


@pytest.fixture
def wire(new_clients: None) -> Iterator[Wire]:  # noqa: ARG001 - the clients must be new
    wire = Wire()
    events: Any = dynamodb().meta.events  # its type stubs know no handler that returns a response
    events.register("before-send", wire.send)  # after the check of the deadline, which is registered under this name
    yield wire
    dynamodb().close()


def clear() -> None:
    for client in (dynamodb, kms, sqs):
        client.cache_clear()


def item(sk: str, **fields: object) -> Raw:
    return {"pk": "USER#u", "sk": sk, **fields}


def test_a_repeated_put_fails_its_condition_and_returns_the_item_that_it_wrote(wire: Wire) -> None:
    wire.lost = 1

    with pytest.raises(ItemMovedError) as lost:
        LEDGER.put(item("PAGE#2026-06-05", points=80), expected_version=0)

    assert len(wire.requests) == 2
    assert lost.value.winner == item("PAGE#2026-06-05", points=80, v=1)


def test_a_repeated_transaction_carries_the_same_token_and_is_written_once(wire: Wire) -> None:
    wire.lost = 2

    transact(
        [LEDGER.put_write(item("TREE#1"), expected_version=0), LEDGER.put_write(item("TREE#2"), expected_version=0)]
    )

    assert len(wire.requests) == 3
    assert len({request["ClientRequestToken"] for request in wire.requests}) == 1
    assert LEDGER.get(Key("USER#u", "TREE#2")) == item("TREE#2", v=1)


def test_a_transaction_that_is_still_in_progress_is_retried_with_the_same_token(wire: Wire) -> None:
    wire.under_way = 2

    transact([LEDGER.put_write(item("TREE#1"), expected_version=0)])

    assert len({request["ClientRequestToken"] for request in wire.requests}) == 1
    assert LEDGER.get(Key("USER#u", "TREE#1")) == item("TREE#1", v=1)


def test_each_transaction_has_a_different_token(wire: Wire) -> None:
    transact([LEDGER.put_write(item("TREE#1"), expected_version=0)])
    transact([LEDGER.put_write(item("TREE#1"), expected_version=1)])

    assert len({request["ClientRequestToken"] for request in wire.requests}) == 2
    assert LEDGER.get(Key("USER#u", "TREE#1")) == item("TREE#1", v=2)


def test_a_repeated_batch_writes_the_same_items_again(wire: Wire) -> None:
    wire.lost = 1

    LEDGER.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": "u"} for number in range(3)])

    assert wire.requests[0] == wire.requests[1]
    assert len(wire.store.tables["Ledger"]) == 3


@pytest.mark.parametrize("version", [0, 1])
def test_a_repeated_batch_of_statements_loses_its_races_against_itself(wire: Wire, version: int) -> None:
    new = [Write(item(f"PAGE#2026-06-0{day}", z=b"\x00", points=80), 0, 0) for day in (1, 2)]
    if version:
        assert write_batch(LEDGER, new, ["z", "points"]) == [None, None]
    wire.lost = 1
    sent = len(wire.requests)

    outcomes = write_batch(LEDGER, [write._replace(version=version) for write in new], ["z", "points"])

    assert wire.requests[sent] == wire.requests[sent + 1]
    assert [type(outcome) for outcome in outcomes] == [ItemMovedError] * 2
    stored = LEDGER.get_many([Key("USER#u", write.item["sk"]) for write in new], consistent=True)
    assert list(stored.values()) == [{**write.item, "v": version + 1} for write in new]


def test_a_repeated_write_of_a_wallet_recognizes_its_own_mark_and_succeeds(wire: Wire) -> None:
    wallets = Wallets(LEDGER)
    wire.lost = CALL_ATTEMPTS - 1

    wallets.put(Wallet("u", balance=80))

    assert len(wire.requests) == CALL_ATTEMPTS
    assert wallets.get("u") == Wallet("u", balance=80, version=1)


@pytest.mark.parametrize(
    "error", [ReadTimeoutError, ConnectTimeoutError, EndpointConnectionError, ConnectionClosedError]
)
def test_if_every_response_is_lost_the_write_takes_effect_and_the_client_times_out(
    wire: Wire, error: type[BotoCoreError]
) -> None:
    wire.lost, wire.lost_with = CALL_ATTEMPTS, error

    with pytest.raises(UnansweredError):
        Wallets(LEDGER).put(Wallet("u", balance=80))

    assert len(wire.requests) == CALL_ATTEMPTS
    assert Wallets(LEDGER).get("u").balance == 80


def test_a_glance_at_a_person_does_not_wait_for_further_attempts(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search can answer without it. The first attempt takes longer than half a second here."""
    wire.lost = CALL_ATTEMPTS
    clock = SimpleNamespace(monotonic=lambda: 2.0 * len(wire.requests))
    monkeypatch.setattr("saxaul.deadline.time", clock)

    with pytest.raises(OutOfTimeError):
        Wallets(LEDGER).glance("u", ["2026-06-05"], {"bus_ride"})

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("lost", "throttled", "expected"),
    [(1, 0, NoTimeToRepeatError), (0, 1, OutOfTimeError)],
    ids=["not answered", "throttled"],
)
def test_a_call_that_has_no_time_for_another_attempt_says_if_the_first_one_was_answered(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, lost: int, throttled: int, expected: type[OutOfTimeError]
) -> None:
    wire.lost, wire.throttled = lost, throttled
    monkeypatch.setattr("saxaul.deadline.time", SimpleNamespace(monotonic=lambda: 2.0 * len(wire.requests)))

    with pytest.raises(OutOfTimeError) as refused, one_attempt():
        LEDGER.update(Key("CALLS#app", "-"), "SET full_at = :now", "attribute_not_exists(full_at)", {":now": 1})

    assert type(refused.value) is expected
    assert len(wire.requests) == 1


@pytest.mark.usefixtures("new_clients")
@pytest.mark.parametrize(
    "request_anything",
    [
        lambda: dynamodb().get_item(TableName="Ledger", Key={"pk": {"S": "USER#u"}, "sk": {"S": "WALLET"}}),
        lambda: kms().get_public_key(KeyId="key"),
        lambda: sqs().send_message(QueueUrl="https://sqs.example/queue", MessageBody="{}"),
    ],
    ids=["dynamodb", "kms", "sqs"],
)
def test_no_client_of_an_api_function_begins_a_call_after_the_deadline(request_anything: Callable[[], object]) -> None:
    DEADLINE.set(0)
    try:
        with pytest.raises(OutOfTimeError):
            request_anything()
    finally:
        DEADLINE.clear()
