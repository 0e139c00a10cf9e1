#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Waves as a user gets them: the FST file, the GTKWave view next to it and the texts that the view shows for values.

    waves_test.py PROGRAM FILTER VIEW_CHECK RTL FOLDER
"""
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import unittest

PROGRAM, FILTER, VIEW_CHECK, RTL, FOLDER = sys.argv[1:]
FOLDER = pathlib.Path(FOLDER)
M, N, K = 30, 40, 60  # on 4x4: several tiles each way, with tails, and loads that wait for tokens


def write_npy(file, rows, columns, code, values):
    """A NumPy file of int8 ("i1") or binary16 ("f2")."""
    header = f"{{'descr': '{'|' if code == 'i1' else '<'}{code}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    header = header.ljust(117) + "\n"
    data = struct.pack(f"<{rows * columns}{'b' if code == 'i1' else 'e'}", *values)
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def run(*arguments, status=0):
    result = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, cwd=FOLDER)
    assert result.returncode == status, f"{arguments}: status {result.returncode}, not {status}\n{result.stdout}{result.stderr}"
    return result


class Waves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        FOLDER.mkdir(parents=True, exist_ok=True)
        generate = random.Random(1)
        for name, rows, columns in (("small_a", 9, 14), ("small_b", 14, 7)):
            write_npy(FOLDER / f"{name}.npy", rows, columns, "i1", [generate.randint(-128, 127) for _ in range(rows * columns)])
        for name, rows, columns in (("a", M, K), ("b", K, N)):
            write_npy(FOLDER / f"{name}8.npy", rows, columns, "i1", [generate.randint(-128, 127) for _ in range(rows * columns)])
            write_npy(FOLDER / f"{name}16.npy", rows, columns, "f2", [generate.gauss(0, 1) for _ in range(rows * columns)])
        cls.gemm8 = ["gemm", "--a", "a8.npy", "--b", "b8.npy", "--out", "c.npy", "--config", "4x4"]
        cls.small = ["gemm", "--a", "small_a.npy", "--b", "small_b.npy", "--out", "c.npy", "--config", "4x4"]
        cls.gemm16 = ["gemm", "--a", "a16.npy", "--b", "b16.npy", "--out", "c.npy", "--config", "4x4", "--out-dtype", "fp16"]

    def traces(self, name):
        """Types of the filter that a view calls, and the text files it uses."""
        view = (FOLDER / f"{name}.gtkw").read_text()
        return set(re.findall(r"^\^>\d+ \S+ (\S+)", view, re.M)), set(re.findall(r"^\^\d+ .*/([^/]+)\.txt$", view, re.M))

    def test_int8(self):
        run(PROGRAM, *self.gemm8, "--waves", "int8.fst")
        print(run(VIEW_CHECK, "int8.gtkw").stdout, end="")
        types, texts = self.traces("int8")
        self.assertEqual(types, {"int8", "int32", "edge-int8", "rows", "weights"})
        self.assertLessEqual({"commands", "tokens", "registers", "destinations", "causes", "errors"}, texts)

    def test_fp16(self):
        run(PROGRAM, *self.gemm16, "--waves", "fp16.fst")
        print(run(VIEW_CHECK, "fp16.gtkw").stdout, end="")
        self.assertEqual(self.traces("fp16")[0], {"fp16", "fp32", "edge-act", "edge-wgt", "rows", "weights"})

    def test_without_floating_point(self):
        run(PROGRAM, *self.gemm8[:-1], "4x4-int8", "--waves", "int.fst")
        print(run(VIEW_CHECK, "int.gtkw").stdout, end="")
        self.assertIn("edge18", self.traces("int")[0])

    def test_checker_refuses_what_is_wrong(self):
        run(PROGRAM, *self.small, "--waves", "good.fst")
        view = (FOLDER / "good.gtkw").read_text()
        commands = FOLDER / "good.names" / "commands.txt"
        texts = commands.read_text()

        def refused(what, with_view):
            (FOLDER / "bad.gtkw").write_text(with_view)
            self.assertIn(what, run(VIEW_CHECK, "bad.gtkw", status=1).stderr)

        refused("no signal TOP.systole.u_load.wr_adr_o", view.replace("u_load.wr_addr_o", "u_load.wr_adr_o"))
        refused("no signal in group store", re.sub(r"\n-store\n", "\n-shop\n", view))
        refused("has no texts", re.sub(r"^\^1 .*\n", "", view, count=1, flags=re.M))
        refused("no file", view.replace("commands.txt", "orders.txt"))
        refused("missing: u_load.x", view + "@200\n-missing: u_load.x\n")
        # A command without its text, and one text for all.
        commands.write_text(re.sub(r"^1\S+ #2 .*\n", "", texts, flags=re.M))
        refused("not a text", view)
        commands.write_text(re.sub(r" .*", " a command", texts))
        refused("control: dispatch does not change", view)

    def test_window(self):
        def cycles(*window):
            run(PROGRAM, *self.small, "--waves", "w.fst", *window)
            found = re.search(r"cycles (\d+) to (\d+);", run(VIEW_CHECK, "w.gtkw", "--window").stdout)
            return int(found[1]), int(found[2])

        first, last = cycles()
        self.assertEqual(first, 0)
        self.assertGreater(last, 300)
        self.assertEqual(cycles("--waves-window", "200:300"), (200, 300))
        self.assertEqual(cycles("--waves-window", "250:"), (250, last))
        self.assertEqual(cycles("--waves-window", ":99"), (0, 99))
        self.assertEqual(cycles("--waves-window", "5:5"), (5, 5))
        result = run(PROGRAM, *self.small, "--waves", "w.fst", "--waves-window", "9000000:", "--json", "w.json", status=2)
        self.assertIs(json.loads((FOLDER / "w.json").read_text())["pass"], True)  # what the run has found is not lost
        self.assertRegex(result.stderr, r"^systole: no waves: the simulation ended after cycle \d+, before the window began at 9000000\n$")
        for text in ("", "7", ":", "a:b", "1:2:3", "-1:5", "9:8", "0x10:", "99999999999999999999:"):
            result = run(PROGRAM, *self.small, "--waves", "w.fst", "--waves-window", text, status=2)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn("needs --waves", run(PROGRAM, *self.small, "--waves-window", "1:2", status=2).stderr)

    def test_names_agree_with_the_rtl(self):
        run(PROGRAM, *self.small, "--waves", "rtl.fst")
        names = FOLDER / "rtl.names"
        enums = {}
        for file in sorted(pathlib.Path(RTL).rglob("*.sv")):
            if "board" in file.parts:
                continue
            for body, name in re.findall(r"typedef enum logic \[[^]]*\] \{([^}]*)\} (\w+);", file.read_text()):
                enums[f"{file.stem}.{name}"] = [item.strip() for item in body.split(",")]
        self.assertTrue(enums)
        for name, values in enums.items():
            lines = (names / f"{name}.txt").read_text().splitlines()
            self.assertEqual(lines, [f"{i:x} {value}" for i, value in enumerate(values)], name)
        source = (pathlib.Path(RTL) / "compute" / "systole_act_seq.sv").read_text()
        sentence = re.search(r"by\s+/// this priority: (.*)\.", source)[1]
        causes = {int(bit): name for name, bit in re.findall(r"([a-z ]+?) \((?:bit )?(\d)\)", sentence.replace(", ", ","))}
        self.assertEqual(len(causes), 5)
        lines = (names / "causes.txt").read_text().splitlines()
        self.assertEqual(lines, ["00 -"] + [f"{1 << bit:02x} {causes[bit]}" for bit in range(5)])

    def test_filter(self):
        def texts(kind, *values):
            result = subprocess.run([FILTER, kind], input="".join(f"{v}\n" for v in values), capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            return result.stdout.splitlines()

        self.assertEqual(texts("int8", "ff80", "7F01", "xx00", "0000"), ["-128 -1", "1 127", "x", "0 0"])
        self.assertEqual(texts("uint8", "ff80"), ["128 255"])
        self.assertEqual(texts("fp16", "3c00", "c100", "7c00", "7e00", "0001", "8000"), ["1", "-2.5", "inf", "NaN", "5.9605e-08", "-0"])
        self.assertEqual(texts("bf16", "3f80", "ff80", "zzzz"), ["1", "-inf", "x"])
        self.assertEqual(texts("int32", "80000000", "0000000a"), ["-2147483648", "10"])
        self.assertEqual(texts("fp32", "3dcccccd", "ff800000"), ["0.1", "-inf"])
        self.assertEqual(texts("s8", "fe"), ["-2"])
        self.assertEqual(texts("edge18", f"{(0x1FF << 9) | 1:05x}"), ["1 -1"])
        # Behind systole_edge: 1.5 = 0x600 / 1024 * 2^0; activations' exponents have 383 added.
        self.assertEqual(texts("edge-act", f"{1 << 23 | 383 << 12 | 0x600:06x}", f"{1 << 23 | 1 << 22 | 0x400:06x}"), ["1.5", "inf"])
        self.assertEqual(texts("edge-wgt", f"{1 << 21 | 511 << 12 | 0x400:06x}", "800000"), ["-0.5", "masked"])
        table = FOLDER / "loops.txt"
        table.write_text("7 0 3 1 2 4 1\n")

        def row(valid, now, next_valid, index, next_index, left, i1, i0, acc):
            value = 0
            for bits, field in zip((1, 1, 1, 32, 32, 16, 16, 16, 16, 16, 18), (valid, now, next_valid, index, next_index, *left, i1, i0, acc)):
                value = value << bits | field
            return f"{value:042x}"

        self.assertEqual(
            texts(f"rows {table}", row(0, 0, 0, 7, 7, (2, 1, 3), 0, 3, 9), row(1, 1, 1, 7, 7, (2, 1, 3), 0, 3, 9),
                  row(1, 0, 1, 7, 7, (2, 1, 2), 0, 2, 10), row(1, 0, 1, 7, 7, (1, 1, 3), 0, 0, 12), row(1, 0, 1, 7, 8, (2, 1, 3), 0, 1, 20)),
            ["-", "#7 n0 k0 m0 acc 9", "#7 n0 k0 m1 acc 10", "#7 n0 k2 m3 acc 12", "#7 n1 k2 m2 acc 20"])
        for kind in ("int9", "rows nowhere.txt"):
            result = subprocess.run([FILTER, kind], input="", capture_output=True, text=True)
            self.assertEqual(result.returncode, 2)
            self.assertEqual(result.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
