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

SIGNED = {
    r"(\?X-Amz-Algorithm=)[^\"]*": r"\1AWS4-HMAC-SHA256",
    r'("x-amz-credential": ")[^/]*': r"\1AKIDEXAMPLE",
    r'\n *"x-amz-security-token": "[^"]*",': "",
    r'("policy": ")[^"]*': r"\1eyJleHBpcmF0aW9uIjog",
    r'("x-amz-signature": ")[^"]*': r"\g<1>" + "0" * 64,
}
"""What depends on the credentials of a process, in links and forms for S3, and what stands for it in the examples."""


def text_of_calls() -> str:
    """Make the calls, and return them as JSON. What is signed is replaced, because credentials differ."""
    text = json.dumps(recorded_calls(), ensure_ascii=False, indent=1) + "\n"
    for pattern, example in SIGNED.items():
        text = re.sub(pattern, example, text)
    return text


def main() -> None:
    command_parser("tests.contract.record", __doc__).parse_args()
    logging.disable()  # the functions write a line for each call
    with step("recording calls of each operation"):
        EXAMPLES.write_text(text_of_calls(), "utf-8")


if __name__ == "__main__":
    run_command(main)
