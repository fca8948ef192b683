"""Makes the example events of events/ right for a running stack.

An event in events/ is one that AWS sent on 5 June 2026 at noon in Shanghai: its person rode a bus at 08:30 that day. It
names clients, a person and ids that no stack knows, and dates that no stack accepts any more. :func:`prepare` moves
every date so that the event happens now, by the clock of the stack. It names the clients and the person of the stack,
and makes the ids of what is sent new, so that each event can be sent again and again.
"""

import json
import re
import secrets
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from hashlib import md5
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

from local.sam import ROOT
from local.template import snake_case

FOLDER = ROOT / "events"

SENT_AT = 1_780_632_000
"""When the events were sent, in seconds since 1970: at noon in Shanghai."""

RODE_AT = 1_780_619_400
"""When the person of the events rode the bus: at 08:30 in Shanghai, which is on the day ``DAY``."""

DAY = date(2026, 6, 5)
"""The day of the ride, in the keys of what is stored of it."""

PERSON = "mei@example.com"
ACTION_ID = "ride-1"
RECEIPT_ID = "Zk3vQm81tPa0_xYw"
IDEMPOTENCY_KEY = "5f0c1c52-6d0e-4b6f-9f0c-2f6a6f1f7a10"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
REDEMPTION_ID = "a7cc6f9372917508232505d566c8228e"

_MARK = RECEIPT_ID[:4]  # what an entry keeps of its receipt
_CLIENT = re.compile(r'(?<="client_id": ")([a-z]+)-client(?=")')
_SECONDS = re.compile(r"(?<![\w.-])(1[78]\d{8})(\d{3})?(?![\w.-])")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])")


class Scene(NamedTuple):
    """What is true on a stack when an event is sent to it.

    Attributes:
        now_ns: the time, in nanoseconds since 1970.
        zone: the zone of the programme.
        client_ids: the id of each client by its name, such as ``alipay``.
        person: the id of the person whom the event is about.
        redemption_id: the redemption that the event settles.
    """

    now_ns: int
    zone: ZoneInfo
    client_ids: Mapping[str, str]
    person: str = PERSON
    redemption_id: str = REDEMPTION_ID

    def moved(self, instant: int) -> int:
        """Return when something of an event happens, in seconds. It is as long before now as it was before noon."""
        return instant - SENT_AT + self.now_ns // 1_000_000_000

    def moved_day(self, day: date) -> date:
        """Return the day of something of an event. That of the ride is the day of the moved ride in the zone."""
        rode = datetime.fromtimestamp(self.moved(RODE_AT), self.zone).date()
        return day + (rode - DAY)


def event_file(function: str) -> Path:
    """Return the file of the example for a function, given its logical id: of ``ViewForest``, view_forest.json."""
    return FOLDER / f"{snake_case(function)}.json"


def prepare(text: str, scene: Scene) -> Any:  # noqa: ANN401 - any event
    """Return the event of a file of events/, given its text, as it is sent to a stack.

    Raises:
        KeyError: the event is of a client that the stack does not have; its name.
    """
    receipt_id = secrets.token_hex(8)  # as long as a real one
    renamed = {
        PERSON: scene.person,
        PERSON.replace("@", "%40"): scene.person.replace("@", "%40"),
        ACTION_ID: f"ride-{secrets.token_hex(4)}",
        RECEIPT_ID: receipt_id,
        f'"{_MARK}"': f'"{receipt_id[:4]}"',
        IDEMPOTENCY_KEY: str(uuid4()),
        REQUEST_ID: str(uuid4()),
        REDEMPTION_ID: scene.redemption_id,
    }
    for name, new in renamed.items():
        text = text.replace(name, new)
    text = _CLIENT.sub(lambda found: scene.client_ids[found[1]], text)
    text = _SECONDS.sub(lambda found: f"{scene.moved(int(found[1]))}{found[2] or ''}", text)
    text = _TIME.sub(lambda found: _moved_time(found[0], scene), text)
    text = _DATE.sub(lambda found: scene.moved_day(date.fromisoformat(found[0])).isoformat(), text)
    event = json.loads(text)
    for record in event.get("Records", ()):
        _complete(record, scene)
    if "isFinalInvokeForWindow" in event:
        event["Records"] += [_undone(record) for record in event["Records"]]
    return event


def _moved_time(text: str, scene: Scene) -> str:
    """Return a moved time in the form that it has: in UTC, or with the offset of the programme."""
    instant = scene.moved(int(datetime.fromisoformat(text).timestamp()))
    if text.endswith("Z"):
        return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.fromtimestamp(instant, scene.zone).isoformat()


def _complete(record: dict[str, Any], scene: Scene) -> None:
    """Give a record what follows from its content: the digest of a message, and a later place in the stream."""
    if "md5OfBody" in record:
        record["md5OfBody"] = md5(record["body"].encode(), usedforsecurity=False).hexdigest()
    if "dynamodb" in record:
        # Each run is counted: its place in the stream is after those of all earlier runs.
        record["dynamodb"]["SequenceNumber"] = str(2 * scene.now_ns)


def _undone(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change that undoes the change of a record, right after it in the stream.

    The totals count each change that is delivered. The ledger has no such change, so without this they would be wrong.
    """
    undone = deepcopy(dict(record))
    change = undone["dynamodb"]
    change["OldImage"] = change["NewImage"]
    change["NewImage"] = {**change["NewImage"], "e": {"L": []}, "v": {"N": "2"}}
    change["SequenceNumber"] = str(int(change["SequenceNumber"]) + 1)
    return undone | {"eventName": "MODIFY", "eventID": uuid4().hex}
