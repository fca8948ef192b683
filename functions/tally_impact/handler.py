"""Tallies the impact: adds what changed in the ledger to the public totals."""

from functools import cache
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from saxaul.observability import logger
from saxaul.services.tally import Tallying
from saxaul.settings import settings
from saxaul.storage.impact import ImpactStore
from saxaul.storage.streams import StreamRecord, changes_of
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LONE_SHARD = "lone"
"""The only shard of an emulator. Lambda names the shard to a function that has a tumbling window, as this one has."""


class StreamEvent(TypedDict):
    """A batch of changes of one shard, in their order. The last one of a window has none."""

    Records: list[StreamRecord]
    shardId: NotRequired[str]


@cache
def _tallying() -> Tallying:
    return Tallying(ImpactStore(Table(settings().ledger_table)))


def handler(event: StreamEvent, context: "LambdaContext") -> dict[str, Any]:
    changes = list(changes_of(event["Records"], settings().calendar))
    days = _tallying().tally(changes, event.get("shardId", LONE_SHARD))
    logger.info(
        "tallied",
        extra={
            "records": len(event["Records"]),
            "changes": len(changes),
            "days": days,
            "request_id": context.aws_request_id,
        },
    )
    return {"state": {}}  # a window asks for one; ours is in the table
