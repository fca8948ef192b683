"""Takes new statements about trees into the public log and publishes it: after a message, and by a schedule.

It answers nobody, so nothing is prepared.
"""

from typing import TYPE_CHECKING, Any

import saxaul.startup  # noqa: F401 - it makes garbage collections rare
from saxaul.messages.events import redeliver
from saxaul.observability import logger, metrics
from saxaul.services.sequence_log import read_again, sequencing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> Any:  # noqa: ANN401 - a queue needs another answer
    """Run once, however many messages there are.

    If AWS did not answer, the messages are done all the same: the schedule does the same work within a minute. The
    metric says how late the log is. Any other error fails the run, and so its messages come back.

    The check after a deployment sends ``read_again``, so that the run reads the public key from KMS.
    """
    if event.get("read_again") is True:
        read_again()
    sequenced = sequencing().run()
    late = metrics(context.function_name, {"OldestUnpublished": sequenced.oldest_s})
    logger.info("sequenced", extra={**sequenced._asdict(), **late, "request_id": context.aws_request_id})
    return redeliver(()) if "Records" in event else sequenced._asdict()
