"""Notes in the stack's log group that somebody reads what persons did, before it is read.

The line says who, why, and of which app and span. It names no person.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import boto3

from saxaul.clock import SYSTEM_CLOCK
from saxaul.observability import log_line


class NotNotedError(Exception):
    """CloudWatch refused the line, or a part of it."""


def note_access(log_group: str, command: str, fields: Mapping[str, Any]) -> None:
    """Write the line. ``fields`` are those of the command.

    Raises:
        NotNotedError: the line was not taken.
        BotoCoreError, ClientError: AWS refused a call, or could not be reached.
    """
    operator = boto3.client("sts").get_caller_identity()["Arn"]
    logs, now = boto3.client("logs"), SYSTEM_CLOCK.now()
    stream = f"operators/{command}/{now}-{secrets.token_hex(4)}"
    line = log_line({"level": "INFO", "message": f"an operator runs {command}", "operator": operator, **fields})
    logs.create_log_stream(logGroupName=log_group, logStreamName=stream)
    answer = logs.put_log_events(
        logGroupName=log_group, logStreamName=stream, logEvents=[{"timestamp": now * 1000, "message": line}]
    )
    if answer.get("rejectedLogEventsInfo"):
        raise NotNotedError(f"CloudWatch refused the line: {answer['rejectedLogEventsInfo']}")
