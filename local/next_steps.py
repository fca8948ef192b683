"""What a newcomer can try after `make run`: five things, each a line to paste into a browser or a terminal."""

from typing import NamedTuple

from local.console import console, shown


class NextStep(NamedTuple):
    """A thing to try."""

    what: str
    line: str
    """An address for a browser, or a command for a shell in the project's folder."""


def next_steps(api_url: str, certificate: str) -> list[NextStep]:
    """Return what can be tried on the stack at ``api_url``, in which a tree has the certificate of that number."""
    return [
        NextStep("The certificate of this tree, as its owner sees it", f"{api_url}/certificates/{certificate}"),
        NextStep("Every endpoint, with a form to try it", f"{api_url}/docs"),
        NextStep("How the stack is, on one screen", "make status"),
        NextStep("One function by itself, with the event of an example", "make invoke FUNCTION=ViewForest"),
        NextStep("A morning of bike rides, in a format in which they are published", "make replay FILE=docs/rides.csv"),
    ]


def show_next_steps(api_url: str, certificate: str) -> None:
    console.print("\n[bold]Five things to try next.[/] Paste a command here, and an address into a browser.")
    for number, (what, line) in enumerate(next_steps(api_url, certificate), 1):
        console.print(f"  {number:d}  {shown(what)}\n     [cyan]{shown(line)}[/]")
    console.print("All commands: [cyan]make help[/]. To stop the stack: [cyan]make down[/]")
