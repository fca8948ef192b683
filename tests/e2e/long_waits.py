"""What takes about a minute on the stack. It begins before the first tests, and a later test looks at how it went."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, NamedTuple

import pytest

from saxaul_client import App, NewSecret, OperatorClient, Problem
from tests.e2e.calling import Client
from tests.e2e.journeys import make_action, register, token_status

OVERLAP = 20
"""Seconds for which the old secret still works."""

ENDED = OVERLAP + 60 + 120
"""Seconds after which nobody waits any longer: the schedule that ends it runs once a minute, on a machine with work."""


PARCELS = 12
"""The parcels that are reported. A search shows them when a worker reads the totals again, once a minute."""


class Rotation(NamedTuple):
    """An app whose secret was rotated, and the answers to those who use the old one."""

    app: App
    new: NewSecret
    during: list[int]
    """The status of a request for a token with the old secret and with the new one, right after the rotation."""
    statuses: Future[list[tuple[float, int]]]
    """The statuses with the old secret, with the seconds since the rotation, up to the first that is not 200."""


@contextmanager
def rotation_of_a_secret(stack: Mapping[str, Any], operator: OperatorClient) -> Iterator[Rotation]:
    """Rotate the secret of a new app, and ask for a token with the old secret every second until that is refused."""
    is_over = Event()
    app = register(operator, "first_party")
    rotated_at = time.monotonic()
    new = operator.rotate_secret(app.app_id, overlap_seconds=OVERLAP)
    during = [token_status(stack, app, secret) for secret in (app.client_secret, new.client_secret)]
    with pytest.raises(Problem, match="409 rotation_in_progress"):
        operator.rotate_secret(app.app_id)

    def watch() -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []
        while not seen or (seen[-1][1] == 200 and seen[-1][0] < ENDED and not is_over.wait(1)):
            seen.append((time.monotonic() - rotated_at, token_status(stack, app, app.client_secret)))
        return seen

    with ThreadPoolExecutor(1) as aside:
        try:
            yield Rotation(app, new, during, aside.submit(watch))
        finally:
            is_over.set()


def packed(taobao: Client) -> float:
    """Return how many parcels an initiative says that its facilities have packed this year, as the search shows it."""
    found = taobao.call_or_exit("GET", "/suggestions?q=recycled+packaging&limit=50")["suggestions"]
    [initiative] = [result for result in found if result["id"] == "recycled-packaging"]
    assert initiative["kind"] == "initiative"
    assert initiative["this_year"]["year"] == time.gmtime().tm_year
    [total] = initiative["this_year"]["totals"]
    return float(total["quantity"])


def report_parcels(taobao: Client) -> None:
    action = make_action("", "recycled_packaging", quantity=PARCELS) | {"facility_id": "recycled-packaging-hub"}
    del action["user_id"]
    assert taobao.call_or_exit("POST", "/actions", {"actions": [action]})["accepted"] == 1
