"""Run the target as a program."""

from pinterest_audiences.startup import lasting_imports, only_prints_version


def main() -> None:
    """Run the target with this process's command line."""
    if only_prints_version("target-pinterest-audiences"):
        return
    with lasting_imports():
        from pinterest_audiences.plugin import run_program  # noqa: PLC0415  (slow to import)
        from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415
    run_program(TargetPinterestAudiences)


if __name__ == "__main__":
    main()
