"""Shows the newest lines that a function of a stack logged in the last hour: `python -m operations.logs AccruePoints`.

On AWS, it asks CloudWatch Logs Insights, which bills the size of the lines of that hour. It changes nothing. The exit
code is 0 also if the lines tell of errors, and 1 if they could not be read.
"""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, client_arguments_of_stack, stack, stack_with, use_stack
from local.command import command_parser, non_empty, run_command, whole_number
from local.console import console, exit_with, shown
from local.sam import emulator_log
from operations.ages import HOUR
from operations.function_lines import Line, lines_on_aws, lines_on_the_laptop
from operations.log_group import LogGroup, UnfinishedQueryError


def read(function: str, limit: int) -> list[Line]:
    """Return the newest lines of the last hour of a function of the selected stack, oldest first.

    Ends the program if there is no such function, or if its lines could not be read.
    """
    known = stack_with("log_group")
    if function not in known["functions"]:
        exit_with(f"There is no function {function}; there are: {', '.join(sorted(known['functions']))}.")
    name, now = known["functions"][function], time.time()
    if known["endpoint_url"]:
        with emulator_log().open(encoding="utf-8", errors="replace") as file:
            return [line for line in lines_on_the_laptop(file, name, limit) if line.at >= now - HOUR]
    use_stack(known)
    client = boto3.client("logs", **client_arguments_of_stack(known))
    try:
        return lines_on_aws(LogGroup(client, known["log_group"]), name, now - HOUR, now, limit)
    except (BotoCoreError, ClientError) as error:
        exit_with(aws_failure("the log could not be read", error))
    except UnfinishedQueryError as error:
        exit_with(str(error))


def main() -> None:
    parser = command_parser("operations.logs", __doc__, is_whole=True)
    parser.add_argument("function", type=non_empty, help="its name in the template, such as AccruePoints")
    parser.add_argument("--limit", type=whole_number(1, 10_000), default=20, help="the most lines to show")
    chosen = parser.parse_args()
    lines, zone = read(chosen.function, chosen.limit), ZoneInfo(stack()["time_zone"])
    if not lines:
        console.print(f"{shown(chosen.function)} logged nothing in the last hour.")
    for line in lines:
        colour = {"ERROR": "red", "WARNING": "yellow"}.get(line.level, "")
        at = f"{datetime.fromtimestamp(line.at, zone):%H:%M:%S}"
        said = f"{at} {line.level:<7} {shown(line.text)}"
        console.print(f"[{colour}]{said}[/]" if colour else said, soft_wrap=True)


if __name__ == "__main__":
    run_command(main)
