"""Takes new statements about trees into the public log and publishes it: after a message, and by a schedule.

It answers nobody, so nothing is prepared.
"""

from typing import TYPE_CHECKING, Any

import saxaul.startup  # noqa: F401 - it makes garbage collections rare
from saxaul.messages.events import redeliver
from saxaul.observability import logger
from saxaul.services.sequence_log import read_again, sequencing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> Any:  # noqa: ANN401 - a queue needs another answer
    """Run once, however many messages there are. If not all could be done, the queue redelivers them."""
    if event.get("read_again") is True:
        read_again()
    sequenced = sequencing().run()
    logger.info("sequenced", extra={**sequenced._asdict(), "request_id": context.aws_request_id})
    if "Records" in event:
        return redeliver(record["messageId"] for record in event["Records"] if sequenced.error)
    sequencing().check_lateness()
    return sequenced._asdict()
