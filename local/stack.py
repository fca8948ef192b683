"""The laptop stack: an AWS emulator to which the template is deployed.

python -m local.stack up [--port 4566] [--at TIME]    start the stack, or update a running one
python -m local.stack down                            stop the emulator and the workers that it started
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil

from local.build import THIS_MACHINE, build
from local.clock import show as show_clock
from local.command import command_parser, non_empty, run_command, whole_number
from local.console import console, exit_with, progress, shown, step
from local.credentials import write_stack
from local.deployed import UnfitStackError
from local.deployment import ADMIN, REGION, Deployment, alone
from local.function_check import check_as_registered, check_functions
from local.good_deployments import RecordError
from local.parameters import parameters_in
from local.sam import EMULATOR_LOG, ROOT, SamError, emulator_log, state, write_private
from local.seed import seed
from local.stack_clock import UnfitTimeError, clock_file, forget, instant_in, move_to
from local.template import template

_INTERPRETER = ROOT / ".local" / "ministack" / "bin" / "python"
_BOOT_SECONDS = 30
ADVICE = (
    "Fix this and run make up again, or go back to the last deployment that passed this check: make rollback",
    f"What the functions logged: .local/{EMULATOR_LOG}",
)
"""What to do if a function fails after a deployment."""

PORTS = (1024, 65535)
"""The first and the last port that a program without special rights may use."""


def up(port: int, at: str | None = None, parameters: Mapping[str, str] | None = None) -> None:
    """Start the emulator if it is not running. Then build and deploy the stack, and seed it with apps and a catalog.

    A running stack keeps the secrets of its apps. Ends the program if it is to start at another time.

    Args:
        port: the port of the emulator.
        at: the time at which the clock of a stack starts that is not running; by default that of this machine.
        parameters: values of the template's parameters that replace those of the laptop.
    """
    with alone() as lock:
        _up(port, at, parameters or {}, lock)


def _up(port: int, at: str | None, parameters: Mapping[str, str], lock: int) -> None:
    if at and running():
        exit_with(f"The stack is running already; its clock can be moved forward: make clock AT={at}")
    if running():
        port = _process()["port"]
        console.print(f"[green]✓[/] MiniStack is already running, on port {port:d}")
    else:
        with step(f"starting MiniStack on port {port:d}"):
            start(port, at)
    deployment = Deployment(f"http://localhost:{port}")
    with step("building the functions and layers"):
        build(THIS_MACHINE)
    with step("deploying template.yaml"):
        deployment.deploy(parameters, lock)
    known = write_files(deployment)
    callers = check_functions(known, ADVICE)
    if callers.are_complete:  # recorded before the seeding, which takes some time, and may be stopped
        deployment.deployments.record()
    seed()
    if not callers.are_complete:
        check_as_registered(known, callers, ADVICE)
        deployment.deployments.record()
    console.print(f"[bold]The stack is up:[/] {shown(known['api_url'])}")
    if at:
        show_clock()


def write_files(deployment: Deployment) -> dict[str, Any]:
    """Write how to reach the stack to the file of the state folder, and return it."""
    known = deployment.describe()
    write_stack(state() / "stack.json", known)
    return known


def running_deployment() -> Deployment | None:
    """Return the laptop stack that runs, or None."""
    return Deployment(f"http://localhost:{_read(state() / 'process.json')['port']}") if running() else None


def down() -> None:
    """Stop the emulator and all workers that it started, and delete the files about the stack."""
    process = running()
    if process is None:
        console.print("The laptop stack is not running.")
    else:
        with step("stopping MiniStack and its workers"):
            end(process)
    for name in ("process.json", "stack.json"):
        (state() / name).unlink(missing_ok=True)
    forget_stacks_beside()
    forget()
    found = list((state() / "tmp").glob("*"))
    with progress("deleting the files of the workers", "folders", len(found)) as tell:
        for done, path in enumerate(found, start=1):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            tell(done)
    shutil.rmtree(state() / "tmp", ignore_errors=True)


def forget_stacks_beside() -> None:
    """Delete the files about all other stacks on the emulator, which have ended with it."""
    for file in [*state().glob("*.json"), *state().glob("deleting/*.json")]:
        with suppress(ValueError, AttributeError):
            if json.loads(file.read_text("utf-8")).get("endpoint_url"):
                file.unlink()


def start(port: int, at: str | None = None) -> None:
    """Start the emulator with nothing deployed. Write its log and a file about its process to the state folder.

    Its clock starts at ``at``, a time in the zone of the template, or by default at that of this machine.
    """
    state().mkdir(parents=True, exist_ok=True)
    if _is_taken(port):
        exit_with(f"Port {port} is in use by another program; choose another one, for example: make up PORT={port + 1}")
    if not _INTERPRETER.exists():
        exit_with("MiniStack is not installed; install it with: make env")
    scratch, log_file = state() / "tmp", emulator_log()
    scratch.mkdir(exist_ok=True)
    (state() / "stack.json").unlink(missing_ok=True)  # of an emulator that did not end by `down`
    forget_stacks_beside()
    forget()
    if at:
        move_to(instant_in(at, ZoneInfo(template()["Parameters"]["TimeZone"]["Default"])))
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [_INTERPRETER, "-P", ROOT / "local" / "emulator.py"],  # -P: the modules of local/ must not hide others
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **ADMIN,
                "PATH": os.environ["PATH"],
                "HOME": str(scratch),
                "TMPDIR": str(scratch),  # workers that are killed leave files behind; `down` deletes them
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_REGION": REGION,
                "IOT_MTLS_ENABLED": "0",  # avoids a second port, whose number is fixed: two stacks could not share it
                "SAXAUL_CLOCK": str(clock_file()),
                "AUTH": "true",  # enforce the functions' IAM policies, as AWS does
            },
        )
    write_private(
        state() / "process.json",
        {"pid": process.pid, "created": psutil.Process(process.pid).create_time(), "port": port},
    )
    deadline = time.monotonic() + _BOOT_SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > deadline:
            if process.poll() is None:
                end(psutil.Process(process.pid))
            exit_with(f"MiniStack did not start; {log_file} says why.")
        time.sleep(0.1)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://localhost:{port}/_ministack/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def running() -> psutil.Process | None:
    """Return the emulator's process, or None if no emulator that uses this state folder is running."""
    if not (state() / "process.json").exists():
        return None
    known = _process()
    try:
        process = psutil.Process(known["pid"])
        alive = process.create_time() == known["created"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None


def end(process: psutil.Process) -> None:
    """Terminate a process and its descendants, and kill those that still run after three seconds."""
    processes = [process, *process.children(recursive=True)]
    for member in processes:
        with suppress(psutil.NoSuchProcess):  # one may end before its turn
            member.terminate()
    _, remaining = psutil.wait_procs(processes, timeout=3)
    for member in remaining:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(remaining, timeout=5)


def _process() -> dict[str, Any]:
    """Return the process id, the time of creation and the port of the emulator that was started last.

    Raises:
        SamError: the file about it is damaged.
    """
    file = state() / "process.json"
    try:
        known = json.loads(file.read_text("utf-8"))
        return {name: known[name] for name in ("pid", "created", "port")}
    except (ValueError, KeyError, TypeError):
        raise SamError(
            f"{file} is damaged, so it is not known which process the stack is. If a process of local/emulator.py "
            "still runs, end it. Then delete the file."
        ) from None


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON that this module wrote
    return json.loads(file.read_text())


def main() -> None:
    parser = command_parser("local.stack", __doc__)
    parser.add_argument("command", choices=["up", "down"], help="start or update the stack, or stop it")
    parser.add_argument("--port", type=whole_number(*PORTS), default=4566, help="up: the port of the emulator")
    parser.add_argument("--at", type=non_empty, help="up: the time at which the stack's clock starts")
    parser.add_argument(
        "--parameters", type=non_empty, help="up: parameters of the template, as 'Name=value Name=value'"
    )
    chosen = parser.parse_args()
    if chosen.command == "down" and (chosen.at or chosen.parameters):
        parser.error("--at and --parameters need up")
    os.environ.pop("SAXAUL_STACK", None)  # it may name a deployed stack, but these commands use the laptop stack
    try:
        up(chosen.port, chosen.at, _parameters_in(chosen.parameters)) if chosen.command == "up" else down()
    except SamError as error:
        exit_with(error.sentence, error.details)
    except RecordError as error:
        exit_with(f"The stack is deployed and passed the check, but make rollback will not find it: {error}")
    except (UnfitStackError, UnfitTimeError) as error:
        exit_with(str(error))


def _parameters_in(text: str | None) -> dict[str, str]:
    """Return the parameters of the command line, by name.

    Raises:
        SamError: a part is not ``Name=value``, or a quote is not closed.
    """
    try:
        return parameters_in(text or [])
    except ValueError as error:
        raise SamError(f"{text!r} cannot be read as parameters: {error}.") from None


if __name__ == "__main__":
    run_command(main)
