"""The laptop stack as the plain model of a year needs it."""

from typing import Any, Self

from local.clock import advance
from local.stack_clock import move_to
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually


class OnStack:
    """The product on the laptop stack, as a context manager."""

    def __enter__(self) -> Self:
        self._clients = {name: Client(name) for name in ("alipay", "taobao", "partner", "operator")}
        self._waiting: list[tuple[str, str]] = []
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.__exit__()

    def go_to(self, instant: int) -> None:
        advance(lambda: move_to(instant))

    def settle(self) -> None:
        """Wait until nothing waits of the receipts and the redemptions that were given since the last time."""
        for who, path in self._waiting:
            client = self._clients[who]
            found = eventually(lambda: client.call_or_exit("GET", path), _is_settled)  # noqa: B023 - called here
            assert _is_settled(found), found
        self._waiting.clear()

    def tally(self) -> bool:
        """Return False: the stack reads its stream by itself, some seconds later."""
        return False

    def call(self, who: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        answer = self._clients[who].call(method, path, body, **headers)
        document = answer.json()
        if answer.status_code == 202:
            given = f"/receipts/{document['receipt_id']}" if "receipt_id" in document else answer.headers["location"]
            self._waiting.append((who, given))
        return answer.status_code, document


def _is_settled(document: dict[str, Any]) -> bool:
    return not document["counts"]["waiting"] if "counts" in document else document["state"] != "requested"
