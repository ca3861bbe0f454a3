"""The command line: `scratchmnist COMMAND ...`, or `python -m scratchmnist COMMAND ...`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

# Each command's module has `add_arguments(parser)` and `run(arguments) -> exit code`. Only the
# one that is asked for is imported.
COMMANDS = {
    "train": ("scratchmnist.shell.train", "train a network and keep it in a file"),
    "read": ("scratchmnist.shell.read", "read the handwritten digits on pictures"),
    "check": ("scratchmnist.check.command", "try the functions defined in a notebook or program"),
}


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="scratchmnist", description="MNIST from scratch.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, about) in COMMANDS.items():
        command = commands.add_parser(name, help=about)
        if argv[:1] == [name]:
            asked_for = import_module(module)
            asked_for.add_arguments(command)
            command.set_defaults(run=asked_for.run)
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments)
    except (OSError, ValueError) as error:  # a file or a setting: its message says what to do
        print(f"scratchmnist {argv[0]}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
