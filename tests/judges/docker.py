"""A stand-in for the program `docker`: `docker run` starts a console script instead of an image.

Airbyte's own tests run it. A volume becomes the file that it names, and each run gets a new and
empty home folder, as a container does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile

_IMAGE = re.compile(r".*/((?:source|destination)-[a-z-]+):dev")


def main(args: list[str]) -> int:
    """Do what `docker` would do; return the exit code."""
    if args[:1] != ["run"]:
        return 0
    volumes = [args[number + 1].split(":") for number, option in enumerate(args) if option == "-v"]
    start = next(number for number, each in enumerate(args) if _IMAGE.fullmatch(each))
    found = _IMAGE.fullmatch(args[start])
    assert found
    command = [os.path.join(os.environ["CONNECTORS"], found[1])]  # noqa: PTH118
    for argument in args[start + 1 :]:
        here = next((volume[0] for volume in volumes if volume[1] == argument), argument)
        command.append(here)
    with tempfile.TemporaryDirectory() as home:
        return subprocess.call(command, env={**os.environ, "HOME": home})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
