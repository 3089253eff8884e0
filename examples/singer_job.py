"""Pipe a tap into a target, and keep the state for the next run.

    python singer_job.py FOLDER TAP TARGET

The folder holds the settings of both in TAP.json and TARGET.json. If it has a catalog.json, that
chooses the streams. The job keeps its state there in state.json.
"""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

LATER = 75
"""The exit code that asks for another try; the tap and the target use it, too."""


def options(program: str) -> list[str]:
    """Return the options of a tap that have a file in this folder."""
    files = {"config": f"{program}.json", "catalog": "catalog.json", "state": "state.json"}
    return [f"--{name}={file}" for name, file in files.items() if Path(file).exists()]


def run(tap: str, target: str) -> int:
    """Run a tap and a target until both have ended; return an exit code."""
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: object) -> None:
        for program in running:
            program.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    with Path("lock").open("w") as lock, Path("states").open("wb") as states:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another run of this job is active.", file=sys.stderr)
            return LATER
        # A signal to this process's group reaches them once, by pass_on. Both hold the lock.
        apart = {"start_new_session": True, "pass_fds": [lock.fileno()]}
        reader = subprocess.Popen([tap, *options(tap)], stdout=subprocess.PIPE, **apart)
        running.append(reader)
        command = [target, f"--config={target}.json"]
        running.append(subprocess.Popen(command, stdin=reader.stdout, stdout=states, **apart))
        reader.stdout.close()  # so that the tap notices if the target ends
        codes = [program.wait() for program in reversed(running)]
        keep_state()
    return next((code if code > 0 else 128 - code for code in codes if code), 0)


def keep_state() -> None:
    """Keep the last state that the target printed, also after a failure."""
    *states, _cut_off = Path("states").read_text().split("\n")
    if states:
        Path("state.new").write_text(states[-1])
        Path("state.new").replace("state.json")


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    sys.exit(run(*sys.argv[2:]))
