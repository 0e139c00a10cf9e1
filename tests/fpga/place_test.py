#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/fpga from sources to bitstream with Debian's packages for the iCE40: the board that is shipped, a design that meets its target
with products in tables, and one that cannot meet it."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
KEYS = {"device", "config", "fmax_mhz", "lut", "ff", "dsp", "bram", "seed", "tools", "target_mhz", "clock_mhz", "met", "multipliers", "peak_gmacs",
        "minutes", "critical_path"}


class PlaceTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="systole-fpga-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def run_flow(self, *arguments):
        """Exit status, standard error, report."""
        done = subprocess.run([sys.executable, str(ROOT / "scripts" / "fpga"), *arguments, "--out", str(self.folder)], capture_output=True, text=True,
                              timeout=1000, check=False)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.output = done.stdout
        return done.returncode, done.stderr, json.loads((self.folder / "report.json").read_text())

    def check_report(self, report, clock, rows, cols):
        """Its keys, and its figures against nextpnr's log, read here."""
        self.assertLessEqual(KEYS, set(report))
        self.assertEqual({key: report["config"][key] for key in ("rows", "cols", "fp")}, {"rows": rows, "cols": cols, "fp": False})
        for name in ("lut", "ff", "dsp", "bram"):
            self.assertEqual(set(report[name]), {"used", "available"})
        log = (self.folder / "nextpnr.log").read_text()
        table = {name: (int(used), int(available)) for name, used, available in re.findall(r"Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", log)}
        for name, cell in (("logic_cells", "ICESTORM_LC"), ("dsp", "ICESTORM_DSP"), ("bram", "ICESTORM_RAM")):
            self.assertEqual((report[name]["used"], report[name]["available"]), table[cell], name)
        packed = {what: int(re.search(rf"(\d+) LCs used as {what}\n", log)[1]) for what in ("LUT4 only", "LUT4 and DFF", "DFF only")}
        self.assertEqual(report["lut"]["used"], packed["LUT4 only"] + packed["LUT4 and DFF"])
        self.assertEqual(report["ff"]["used"], packed["LUT4 and DFF"] + packed["DFF only"])
        # nextpnr estimates before routing; the last figure is the routed one.
        routed = re.findall(rf"Max frequency for clock '{re.escape(clock)}[^']*': ([\d.]+) MHz", log)[-1]
        self.assertAlmostEqual(report["fmax_mhz"], float(routed), places=2)
        path = report["critical_path"]
        self.assertAlmostEqual(path["logic_ns"] + path["routing_ns"], 1000 / report["fmax_mhz"], delta=0.1)
        self.assertIn(path["words"], (self.folder / "report.txt").read_text())

    def test_the_shipped_board_is_routed_at_its_clock_and_packed(self):
        status, errors, report = self.run_flow("icebreaker")
        self.check_report(report, "CLK", 2, 4)
        self.assertEqual((status, errors), (0, ""), self.output)
        self.assertGreaterEqual(report["fmax_mhz"], 12)
        # An UP5K's configuration is of one size; it begins with comments and the synchronisation word.
        image = (self.folder / "icebreaker.bin").read_bytes()
        self.assertIn(bytes.fromhex("7eaa997e"), image[:64])
        self.assertGreater(len(image), 100_000)

    def test_products_beyond_the_multipliers_go_into_tables(self):
        status, errors, report = self.run_flow("slow", "--boards", str(HERE / "boards.toml"))
        self.check_report(report, "clk", 2, 2)
        self.assertEqual((status, errors), (0, ""), self.output)
        # Two rows of two elements of two products; the test's table allows five multipliers.
        self.assertEqual(report["multipliers"], {"in_dsp": 5, "in_lut": 3})
        self.assertEqual(report["dsp"]["used"], 5)
        self.assertTrue((self.folder / "slow.bin").is_file())

    def test_a_missed_target_exits_with_1_and_marks_the_bitstream(self):
        status, errors, report = self.run_flow("fast", "--boards", str(HERE / "boards.toml"))
        self.assertEqual(status, 1, self.output)
        self.assertEqual(errors.count("\n"), 1, errors)
        self.assertIn("target is missed", errors)
        self.assertFalse(report["met"])
        self.assertIn("MISSED", (self.folder / "report.txt").read_text())
        self.assertTrue((self.folder / "fast.missed.bin").is_file())
        self.assertFalse((self.folder / "fast.bin").exists())


if __name__ == "__main__":
    unittest.main()
