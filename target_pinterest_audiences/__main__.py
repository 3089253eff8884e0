"""Run the target as a program."""

from pinterest_audiences.plugin import run_program
from target_pinterest_audiences.target import TargetPinterestAudiences


def main() -> None:
    """Run the target with this process's command line."""
    run_program(TargetPinterestAudiences)


if __name__ == "__main__":
    main()
