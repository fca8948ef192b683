"""Writes the bill of materials of what ships: `make sbom`.

    python -m local.sbom [--out FILE] [Architecture=x86_64]

Each build for AWS has the same document beside it. This command needs neither a build nor the Python of the runtime.
"""

from local.bill_of_materials import NAME, write_bill
from local.build import FOR_AWS, ON_LAMBDA, built_in
from local.command import command_parser, non_empty, path, run_command
from local.console import console, exit_with, shown, step
from local.parameters import parameters_in
from local.sam import SamError


def main() -> None:
    parser = command_parser("local.sbom", __doc__)
    default = built_in(FOR_AWS).parent / NAME
    parser.add_argument("--out", type=path, default=default, help="the file to write")
    parser.add_argument("parameters", type=non_empty, nargs="*", help="PythonRuntime and Architecture, as Name=value")
    chosen = parser.parse_args()
    try:
        given = parameters_in(chosen.parameters)
        if unknown := given.keys() - ON_LAMBDA:
            exit_with(f"Only {' and '.join(ON_LAMBDA)} decide what ships, not {', '.join(sorted(unknown))}.")
        with step("writing the bill of materials"):
            write_bill(chosen.out, {**ON_LAMBDA, **given})
    except SamError as error:
        exit_with(error.sentence, error.details)
    console.print(f"  it is in {shown(chosen.out)}")


if __name__ == "__main__":
    run_command(main)
