"""`python -m convbook.data list | fetch NAME`: what sets there are; gets a real one."""

import argparse
import os
import sys
from collections.abc import Sequence

from convbook.data.catalogue import CATALOGUE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 2 if a set could not be had."""
    parser = argparse.ArgumentParser(prog="python -m convbook.data", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name every set")
    fetching = commands.add_parser("fetch", help="download and prepare a real set")
    fetching.add_argument("name")
    fetching.add_argument("--data-dir", help="TensorFlow Datasets' folder")
    chosen = parser.parse_args(arguments)
    if chosen.command == "list":
        for entry in CATALOGUE.values():
            where = f"through TensorFlow Datasets, {entry.licence}" if entry.tfds else "embedded"
            print(f"{entry.name:18} {entry.what} ({where})")
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from convbook.data.real import NotHere, fetch

    try:
        print(f"{chosen.name} is in {fetch(chosen.name, chosen.data_dir)}")
    except (NotHere, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
