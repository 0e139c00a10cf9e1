# SPDX-License-Identifier: Apache-2.0
"""Running a tool of the flow: its output goes to a log, its progress to the user."""
import subprocess
import sys
import threading
import time

from flow_boards import ROOT
from flow_errors import FlowError

QUIET_S = 20  # between two lines of progress


class Progress:
    """Lines with the minutes since the start and those that are expected."""

    def __init__(self, expected_minutes, output=sys.stdout):
        self.begin, self.expected, self.output, self.last = time.monotonic(), expected_minutes, output, None

    def minutes(self):
        return (time.monotonic() - self.begin) / 60

    def say(self, text):
        self.last = time.monotonic()
        print(f"fpga: [{self.minutes():5.1f} of about {self.expected:g} min] {text}", file=self.output, flush=True)

    def tick(self, text):
        """As say(), but at most every QUIET_S seconds."""
        if self.last is None or time.monotonic() - self.last >= QUIET_S:
            self.say(text)


def run(command, log, progress, phase, *, environment=None, status_of=lambda line: None):
    """Runs it in the root with its output in `log`. `status_of(line)` may turn a line into what the user sees as progress. FlowError,
    with the last error of the log, if it fails."""
    state = {"text": phase}
    with log.open("w", encoding="utf-8") as output:
        try:
            process = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        except OSError as error:
            raise FlowError(f"{command[0]}: {error.strerror}") from error
        stop = threading.Event()

        def tick():
            while not stop.wait(QUIET_S / 4):
                progress.tick(state["text"])

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        error = None
        try:
            for line in process.stdout:
                output.write(line)
                if "ERROR" in line and error is None:
                    error = line.strip()
                status = status_of(line)
                if status:
                    state["text"] = f"{phase}: {status}"
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            stop.set()
            ticker.join()
    if process.returncode:
        raise FlowError(f"{phase} failed (exit {process.returncode}): {error or 'no error line'}; log: {log}")
