"""The laptop stack: an AWS emulator that runs what `sam build` and `sam deploy` put into it.

python -m local.stack up [--port 4566]    start it, or bring a running one up to date
python -m local.stack down                end every process of it
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from local.build import THIS_MACHINE, build
from local.console import console, give_up, step
from local.deployment import ADMIN, REGION, Deployment
from local.sam import ROOT, SamError, state, write_private
from local.seed import seed

_INTERPRETER = ROOT / ".local" / "ministack" / "bin" / "python"
_BOOT_SECONDS = 30


def up(port: int) -> None:
    """Start the stack, or bring the one that runs up to date."""
    if running():
        port = _read(state() / "process.json")["port"]
        console.print(f"[green]✓[/] MiniStack runs already, on port {port}")
    else:
        with step(f"starting MiniStack on port {port}"):
            start(port)
    deployment = Deployment(f"http://localhost:{port}")
    with step("building the functions and layers"):
        build(THIS_MACHINE)
    with step("deploying template.yaml"):
        deployment.deploy()
    with step("writing .local/stack.json and .local/env.json"):
        write_private(state() / "stack.json", deployment.describe())
        write_private(state() / "env.json", deployment.function_environments())
    seed()
    console.print(f"[bold]The stack is up:[/] {_read(state() / 'stack.json')['api_url']}")


def down() -> None:
    """End the emulator and every worker that it started."""
    process = running()
    if process is None:
        console.print("No stack is running.")
    else:
        with step("ending MiniStack and its workers"):
            end(process)
    for name in ("process.json", "stack.json", "env.json", "stack.seeded.json"):
        (state() / name).unlink(missing_ok=True)
    shutil.rmtree(state() / "tmp", ignore_errors=True)


def start(port: int) -> None:
    """Start the emulator, with nothing deployed; its process and its log are in the state folder."""
    state().mkdir(parents=True, exist_ok=True)
    if _is_taken(port):
        give_up(f"Port {port} is in use by another program; choose one with PORT=, such as: make up PORT={port + 1}")
    if not _INTERPRETER.exists():
        give_up("MiniStack is not installed; install it with: make env")
    scratch, log_file = state() / "tmp", state() / "ministack.log"
    scratch.mkdir(exist_ok=True)
    (state() / "stack.seeded.json").unlink(missing_ok=True)
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [_INTERPRETER, "-m", "ministack"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **ADMIN,
                "PATH": os.environ["PATH"],
                "HOME": str(scratch),
                "TMPDIR": str(scratch),  # workers that are killed leave much behind
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "MINISTACK_REGION": REGION,
                "IOT_MTLS_ENABLED": "0",  # a second port, for devices, that a second stack could not have
                "AUTH": "true",  # the functions' IAM policies hold as they do on AWS
            },
        )
    write_private(
        state() / "process.json",
        {"pid": process.pid, "created": psutil.Process(process.pid).create_time(), "port": port},
    )
    deadline = time.monotonic() + _BOOT_SECONDS
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() > deadline:
            give_up(f"MiniStack did not start; {log_file} says why.")
        time.sleep(0.1)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://localhost:{port}/_ministack/ready").is_success
    except httpx.HTTPError:
        return False


def running() -> psutil.Process | None:
    """The emulator that was started from here, if that process still lives."""
    if not (state() / "process.json").exists():
        return None
    known = _read(state() / "process.json")
    try:
        process = psutil.Process(known["pid"])
        alive = process.create_time() == known["created"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None


def end(process: psutil.Process) -> None:
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, stragglers = psutil.wait_procs(family, timeout=10)
    for straggler in stragglers:
        straggler.kill()
    psutil.wait_procs(stragglers, timeout=5)


def _read(file: Path) -> Any:  # noqa: ANN401 - JSON of our own making
    return json.loads(file.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--port", type=int, default=4566)
    chosen = parser.parse_args()
    os.environ.pop("SAXAUL_STACK", None)  # whatever stack the shell works with, this is the laptop's
    try:
        up(chosen.port) if chosen.command == "up" else down()
    except SamError as error:
        give_up(str(error))


if __name__ == "__main__":
    main()
