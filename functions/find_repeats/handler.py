"""Reads the stream of the ledger table, and withdraws actions whose id counts with another date already.

If that other action is reversed, the withdrawn action counts again.
"""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.messages.events import StreamEvent
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.find_repeats import repeat_search

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: StreamEvent, context: "LambdaContext") -> None:
    searched = repeat_search().search(event["Records"])
    logger.info(
        "searched for repeated ids",
        extra={"records": len(event["Records"]), **searched._asdict(), "request_id": context.aws_request_id},
    )


prepare(wiring.connect)
