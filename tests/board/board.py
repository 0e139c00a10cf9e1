# SPDX-License-Identifier: Apache-2.0
"""A simulated board for each test, on a pseudo-terminal of its own, and the tool at the other end of the line."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tool"))

import npyfile  # noqa: E402  (tests/tool)

SYSTOLE = os.path.abspath(os.environ.get("SYSTOLE", "build/bin/systole"))
BOARD = os.path.abspath(os.environ.get("SYSTOLE_BOARD", "build/bin/systole-board"))
FAKE_BOARD = os.path.abspath(os.environ.get("SYSTOLE_FAKE_BOARD", "build/tests/fake_board_pty"))
# Bounds of wall time, generous: no verdict hangs on them.
PATIENCE_S = 200
TOOL_TIMEOUT_S = 280
LINE_TIMEOUT = "30"


def no_progress(text):
    """The lines of stderr, without those that say every few seconds how far it is."""
    return [line for line in text.splitlines() if not re.search(r"\A[\w-]+: \d+ s, ", line)]


class SimulatedBoard:
    """A running systole-board. `report` is there after stop()."""

    def __init__(self, folder, *options):
        self.report_file = folder / f"board{os.urandom(4).hex()}.json"
        self.process = subprocess.Popen([BOARD, "--json", self.report_file, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()
        if not self.port.startswith("/dev/"):
            raise AssertionError(f"systole-board: {self.port} {self.process.communicate()[1]}")
        self.report = None

    def stop(self):
        """Ends it. @returns its report"""
        if self.report is None:
            self.process.send_signal(signal.SIGTERM)  # nothing happens if it has ended by itself
            out, err = self.process.communicate(timeout=60)
            if self.process.returncode != 0 or err:
                raise AssertionError(f"systole-board: status {self.process.returncode} {out} {err}")
            self.report = json.loads(self.report_file.read_text())
        return self.report


class BoardTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="systole-board-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, name, *options):
        board = SimulatedBoard(self.folder, "--board", name, *options)
        self.addCleanup(board.stop)
        return board

    def systole(self, *arguments):
        return subprocess.run([SYSTOLE, *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=TOOL_TIMEOUT_S)

    def gemm(self, port, *more, timeout=LINE_TIMEOUT, baud=3000000):
        return self.systole("gemm", "--engine", "fpga", "--port", port, "--baud", baud, "--timeout", timeout, "--a", "a.npy", "--b", "b.npy",
                            "--out", "c.npy", "--json", "r.json", *more)

    def expect_one_line(self, result, part):
        """Exit status 2, one line on stderr that contains `part`, no result."""
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        lines = no_progress(result.stderr)
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertRegex(lines[0], rf"\A{os.path.basename(SYSTOLE)}: .*(?:{part})")
        self.assertFalse((self.folder / "c.npy").exists())

    def operands(self, rng, m, n, k, dtype):
        """Writes a.npy and b.npy. @returns the product in Python's own arithmetic, exact in the result's type"""
        if dtype == "int8":
            a, b = ([rng.randint(-128, 127) for _ in range(count)] for count in (m * k, k * n))
            code = "|i1"
        else:  # small multiples of a power of two: every sum is exact in binary32
            a, b = ([rng.randint(-32, 32) / 8 for _ in range(count)] for count in (m * k, k * n))
            code = "<f2"
        npyfile.write(self.folder / "a.npy", code, (m, k), a)
        npyfile.write(self.folder / "b.npy", code, (k, n), b)
        columns = [b[j::n] for j in range(n)]
        return [sum(x * y for x, y in zip(a[i * k : (i + 1) * k], columns[j])) for i in range(m) for j in range(n)]

    def expect_product(self, m, n, dtype, expected):
        """c.npy holds exactly this. @returns the tool's report"""
        descr, shape, c = npyfile.read(self.folder / "c.npy")
        self.assertEqual((descr, shape), ("<i4" if dtype == "int8" else "<f4", (m, n)))
        self.assertEqual(c, expected)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertIs(report["pass"], True)
        return report
