"""Run the tap as a program."""

from pinterest_audiences.plugin import run_program
from tap_pinterest_audiences.tap import TapPinterestAudiences


def main() -> None:
    """Run the tap with this process's command line."""
    run_program(TapPinterestAudiences)


if __name__ == "__main__":
    main()
