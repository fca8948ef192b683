"""Takes in actions: screens each against the catalog and queues the good ones."""

from dataclasses import asdict
from functools import cache
from time import time

from saxaul.http.endpoint import Request, Response, endpoint
from saxaul.ledger.actions import reported_in, screen, screen_reversals
from saxaul.messages.bodies import pack, pack_reversals
from saxaul.settings import settings
from saxaul.storage.catalog import RECENT, CatalogStore
from saxaul.storage.queues import send_actions
from saxaul.storage.table import Table


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def report_actions(request: Request) -> Response:
    reported = reported_in(request.json(), "actions")
    now = int(time())
    accepted, refused = screen(request.app, reported, _catalog_store().catalog(), settings().calendar, now)
    if any(refusal.code == "unknown_type" for refusal in refused):
        fresh = _catalog_store().catalog(max_age=RECENT)
        accepted, refused = screen(request.app, reported, fresh, settings().calendar, now)
    send_actions(settings().action_queue_url, request.app, pack(request.app, accepted))
    return Response({"accepted": len(accepted), "refused": [asdict(refusal) for refusal in refused]}, status=202)


def reverse_actions(request: Request) -> Response:
    accepted, refused = screen_reversals(request.app, reported_in(request.json(), "reversals"), int(time()))
    send_actions(settings().action_queue_url, request.app, pack_reversals(request.app, accepted))
    return Response({"accepted": len(accepted), "refused": [asdict(refusal) for refusal in refused]}, status=202)


handler = endpoint(
    {
        ("POST", "/actions"): report_actions,
        ("POST", "/reversals"): reverse_actions,
    }
)
