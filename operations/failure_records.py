"""Describes the messages of dead-letter queues of which only the fact matters, not the content.

Lambda writes a record of each scheduled run and of each batch of a stream that it gave up. The queues of the log, of
checkpoints and of erasures only start a function, and so do their dead letters.
"""

import json
from typing import Any

_SHOWN_CHARACTERS = 120


def described(body: str) -> str:
    """Return a short description of such a message: which function failed, how, and where in the stream."""
    record = _object(body)
    context = _part(record, "requestContext")
    if not context:
        return body[:_SHOWN_CHARACTERS]
    payload, batch = _part(record, "responsePayload"), _part(record, "DDBStreamBatchInfo")
    function = str(context.get("functionArn", "")).split(":function:")[-1] or "a function"
    said = [
        function,
        str(context.get("condition", "")),
        ": ".join(str(payload[name]) for name in ("errorType", "errorMessage") if payload.get(name)),
        f"{batch.get('batchSize')} changes, the first of {batch.get('approximateArrivalOfFirstRecord')}"
        if batch
        else "",
    ]
    return ", ".join(filter(None, said))


def _object(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _part(record: dict[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return found if isinstance(found, dict) else {}
