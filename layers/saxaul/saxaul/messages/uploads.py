"""What S3 sends to a queue after an upload."""

import json
from urllib.parse import unquote_plus


def uploaded_keys(body: str) -> list[str]:
    """Return the keys of the objects that a message of S3 is about.

    It is about none if S3 only tests whether it may send to the queue, which it does when the notifications are set up.

    Raises:
        ValueError: the body is not such a message.
    """
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return []
        return [unquote_plus(record["s3"]["object"]["key"]) for record in message["Records"]]
    except (AttributeError, LookupError, TypeError, RecursionError):
        raise ValueError("the body is not a message of S3 about objects") from None
