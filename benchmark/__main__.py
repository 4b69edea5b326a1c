"""`vpcbench`, and `python -m benchmark`, which is the same."""

import sys

from benchmark.search_path import search_path


def main() -> None:
    """Run the command line, with nothing imported from the current directory."""
    sys.path[:] = search_path()
    from benchmark.cli.main import main

    main()


if __name__ == "__main__":
    main()
