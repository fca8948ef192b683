"""Reads the stream of the ledger table, and adds each change to the public totals."""

from time import time  # the time of AWS, like the times in the stream, which the clock of a stack does not move
from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.messages.events import StreamEvent, age_of_oldest
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.tally import tallying

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

EMULATOR_SHARD = "lone"
"""The shard id on the laptop emulator, which has only one shard and does not send an id.

On AWS, Lambda sends the shard id, because the function has a tumbling window.
"""


def handler(event: StreamEvent, context: "LambdaContext") -> dict[str, Any]:
    tallied = tallying().tally(event["Records"], event.get("shardId", EMULATOR_SHARD))
    logger.info(
        "tallied",
        extra={
            "records": len(event["Records"]),
            **tallied._asdict(),
            "oldest_changed_s": age_of_oldest(event["Records"], time()),
            "request_id": context.aws_request_id,
        },
    )
    return {"state": {}}  # a tumbling window requires a state, but the totals are in the table


prepare(wiring.connect)
