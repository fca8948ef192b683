"""Publishes the catalog in S3 after each change, and by a schedule repairs what is published.

It answers nobody, so nothing is prepared.
"""

from typing import TYPE_CHECKING, Any

import saxaul.startup  # noqa: F401 - it makes garbage collections rare
from saxaul.observability import logger
from saxaul.services.publish_catalog import catalog_publishing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:
    publishing = catalog_publishing()
    published = publishing.publish() if "Records" in event else publishing.repair()
    logger.info("catalog published", extra={**published._asdict(), "request_id": context.aws_request_id})
    return published._asdict()
