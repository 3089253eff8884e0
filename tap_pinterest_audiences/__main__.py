"""Run the tap as a program."""

from pinterest_audiences.startup import lasting_imports, only_prints_version


def main() -> None:
    """Run the tap with this process's command line."""
    if only_prints_version("tap-pinterest-audiences"):
        return
    with lasting_imports():
        from pinterest_audiences.plugin import run_program  # noqa: PLC0415  (slow to import)
        from tap_pinterest_audiences.tap import TapPinterestAudiences  # noqa: PLC0415
    run_program(TapPinterestAudiences)


if __name__ == "__main__":
    main()
