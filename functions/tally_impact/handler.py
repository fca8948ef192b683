"""Tallies the impact: adds what changed in the ledger to the public totals."""

from typing import TYPE_CHECKING, Any

from saxaul.messages.events import StreamEvent
from saxaul.observability import logger
from saxaul.services.tally import tallying

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LONE_SHARD = "lone"
"""The only shard of an emulator. Lambda names the shard to a function that has a tumbling window, as this one has."""


def handler(event: StreamEvent, context: "LambdaContext") -> dict[str, Any]:
    tallied = tallying().tally(event["Records"], event.get("shardId", LONE_SHARD))
    logger.info(
        "tallied",
        extra={"records": len(event["Records"]), **tallied._asdict(), "request_id": context.aws_request_id},
    )
    return {"state": {}}  # a window asks for one; ours is in the table
