"""Records the examples of the OpenAPI document: the calls of the journey.

Run `make openapi` afterwards, which puts them into the document.
"""

import json
import logging
import re

from local.command import command_parser, run_command
from local.console import step
from local.openapi import EXAMPLES
from tests.contract.journey import recorded_calls


def text_of_calls() -> str:
    """Make the calls, and return them as JSON. The signatures of download links are left out, because they change."""
    text = json.dumps(recorded_calls(), ensure_ascii=False, indent=1) + "\n"
    return re.sub(r"(\?X-Amz-Algorithm=)[^\"]*", r"\1AWS4-HMAC-SHA256", text)


def main() -> None:
    command_parser("tests.contract.record", __doc__).parse_args()
    logging.disable()  # the functions write a line for each call
    with step("recording calls of each operation"):
        EXAMPLES.write_text(text_of_calls(), "utf-8")


if __name__ == "__main__":
    run_command(main)
