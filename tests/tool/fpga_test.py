# SPDX-License-Identifier: Apache-2.0
"""gemm --engine fpga and probe through the real program, against a board in software behind a pseudo-terminal."""
import fcntl
import json
import os
import pty
import random
import re
import subprocess
import tty
import unittest

import npyfile
from tool import ToolTest

FAKE_BOARD = os.environ["SYSTOLE_FAKE_BOARD"]
BAUD = ("--baud", "1000000")


class FpgaTest(ToolTest):
    def systole(self, *arguments, **options):
        """Without the lines that say every few seconds how far it is."""
        result = super().systole(*arguments, **options)
        lines = result.stderr.splitlines(keepends=True)
        result.stderr = "".join(line for line in lines if not re.search(r"\A[\w-]+: \d+ s, ", line))
        return result

    def board(self, *options):
        """Starts a board; returns the path of its port."""
        process = subprocess.Popen([FAKE_BOARD, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def end():
            process.stdin.close()
            process.wait(60)
            process.stdout.close()

        self.addCleanup(end)
        port = process.stdout.readline().strip()
        self.assertTrue(port)
        return port

    def silent_port(self):
        """A port with nobody behind it that answers."""
        master, slave = pty.openpty()
        tty.setraw(slave)
        for file in (master, slave):
            self.addCleanup(os.close, file)
        return os.ttyname(slave)

    def matrices(self, m, n, k, seed=1):
        rng = random.Random(seed)
        a = [rng.randrange(-128, 128) for _ in range(m * k)]
        b = [rng.randrange(256) for _ in range(k * n)]
        npyfile.write(self.folder / "a.npy", "|i1", (m, k), a)
        npyfile.write(self.folder / "b.npy", "|u1", (k, n), b)
        return [sum(a[i * k + x] * b[x * n + j] for x in range(k)) for i in range(m) for j in range(n)]

    def gemm(self, port, *more):
        return ("gemm", "--engine", "fpga", "--port", port, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", *more)

    def read_c(self):
        return npyfile.read(self.folder / "c.npy")[2]


class Good(FpgaTest):
    def test_a_product_is_computed_on_the_board(self):
        expected = self.matrices(20, 13, 30)
        result = self.expect_status(0, *self.gemm(self.board(), "--json", "r.json"))
        self.assertEqual(self.read_c(), expected)
        self.assertIn("every bit agrees", result.stdout)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual(report["engine"], "fpga")
        self.assertTrue(report["pass"])
        self.assertEqual(report["config"], {"name": "4x4", "rows": 4, "cols": 4, "axi_bits": 64, "fp": True})
        self.assertEqual(report["shape"], {"m": 20, "n": 13, "k": 30})
        self.assertEqual(report["macs"], 20 * 13 * 30)
        self.assertIsNone(report["model_cycles"])
        self.assertIsNone(report["memory"])
        self.assertGreater(report["cycles"], 0)
        self.assertEqual(sum(report["counters"].values()), report["cycles"])
        board = report["board"]
        self.assertEqual((board["name"], board["clock_hz"], board["memory_bytes"]), ("simulation", 50_000_000, 65536))
        self.assertEqual(board["tiles"]["count"], 1)
        self.assertEqual(board["link"]["repeats"], 0)

    def test_the_same_in_tiles_over_a_noisy_line(self):
        expected = self.matrices(40, 30, 50)
        port = self.board("--memory", "4096", "--corrupted", "0.01")
        self.expect_status(0, *self.gemm(port, "--config", "4x4", "--timeout", "10", "--json", "r.json", *BAUD))
        self.assertEqual(self.read_c(), expected)
        board = json.loads((self.folder / "r.json").read_text())["board"]
        self.assertGreater(board["tiles"]["count"], 1)
        self.assertGreater(board["link"]["repeats"], 20)

    def test_several_products_on_one_board(self):
        port = self.board()
        for seed in range(3):
            expected = self.matrices(5 + seed, 7, 9, seed)
            self.expect_status(0, *self.gemm(port))
            self.assertEqual(self.read_c(), expected)

    def test_probe(self):
        result = self.expect_status(0, "probe", "--port", self.board(), "--json", "p.json")
        self.assertIn("probe: PASS", result.stdout)
        self.assertIn("1.60 GMAC/s int8, 0.80 GMAC/s fp16", result.stdout)
        probe = json.loads((self.folder / "p.json").read_text())
        self.assertTrue(probe["pass"])
        self.assertEqual(probe["board"]["kind"], "accelerator")
        self.assertEqual(len(probe["selftest"]), 7)

    def test_probe_of_an_array_bench(self):
        result = self.expect_status(0, "probe", "--port", self.board("--kind", "1"))
        self.assertIn("the array alone: 4 x 4", result.stdout)


class Bad(FpgaTest):
    def setUp(self):
        super().setUp()
        self.matrices(4, 4, 8)

    def both(self, part, port, *more):
        """The same port for gemm and probe."""
        self.expect_bad_input(part, *self.gemm(port, *more))
        self.expect_bad_input(part, "probe", "--port", port, *more)

    def test_no_such_port(self):
        self.both("no such port: /dev/there-is-none", "/dev/there-is-none")

    def test_no_port_at_all(self):
        self.both("is not a serial port", "a.npy")
        self.both("is not a serial port", "/dev/null")
        self.expect_bad_input("--port is missing", "probe")
        self.expect_bad_input("--port is missing", "gemm", "--engine", "fpga", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")

    def test_port_in_use(self):
        port = self.board()
        file = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, file)
        fcntl.flock(file, fcntl.LOCK_EX)
        self.both("in use by another program", port)

    def test_no_answer(self):
        self.both("no answer at 115200 baud", self.silent_port(), "--baud", "115200", "--timeout", "0.05")
        self.both("no answer at 3000000, 1000000 and 115200 baud", self.silent_port(), "--timeout", "0.05")

    def test_silence_in_the_middle(self):
        message = "does not answer any more (5 time-outs in a row"
        self.expect_bad_input(message, *self.gemm(self.board("--silent-from", "20"), "--timeout", "1", *BAUD))
        self.expect_bad_input(message, "probe", "--port", self.board("--silent-from", "20"), "--timeout", "1", *BAUD)

    def test_reset_in_the_middle(self):
        self.expect_bad_input("the board was reset", *self.gemm(self.board("--reset-at", "40"), *BAUD))

    def test_an_accelerator_that_hangs(self):
        port = self.board("--reads", "0x20=2")  # CTRL: the soft reset never ends
        result = self.expect_status(3, *self.gemm(port, "--timeout", "10", *BAUD))
        self.assertEqual(result.stderr, f"systole-model: {port}: the accelerator does not come out of its soft reset within 10 s: "
                                        "reset or reload the board\n")  # fmt: skip
        self.assertEqual(result.stdout, "")
        self.assertFalse((self.folder / "c.npy").exists())

    def test_capabilities_that_make_no_sense(self):
        self.both("load the bitstream again, or use bitstream and program of the same release", self.board("--reads", "0x8=0"))

    def test_no_board(self):
        self.both("no Systole board", self.board("--magic", "1"))

    def test_other_link_version(self):
        self.both("speaks link version 2, this program version 1", self.board("--link-version", "2"))

    def test_other_core_version(self):
        self.both("use bitstream and program of the same release", self.board("--core-version", str(0x01FF0000)))

    def test_other_configuration(self):
        self.expect_bad_input("the board holds configuration 4x4, not 8x8", *self.gemm(self.board(), "--config", "8x8"))

    def test_array_bench(self):
        self.expect_bad_input("holds the array bench only", *self.gemm(self.board("--kind", "1")))

    def test_no_floating_point(self):
        npyfile.write(self.folder / "f.npy", "<f2", (4, 4), [1] * 16)
        self.expect_bad_input(
            "4x4-int8 has no floating point", "gemm", "--engine", "fpga", "--port", self.board("--int8"), "--a", "f.npy",
            "--b", "f.npy", "--out", "c.npy")

    def test_memory_too_small(self):
        self.expect_bad_input("memory of 384 bytes is too small", *self.gemm(self.board("--memory", "384")))

    def test_senseless_options(self):
        port = "/dev/null"
        for option in ("--mem-latency", "--mem-bytes-per-cycle", "--mem-outstanding", "--stall-seed", "--layout-seed", "--order-seed",
                       "--x-seed", "--waves", "--trace"):
            self.expect_bad_input(f"{option} is for simulations", *self.gemm(port, option, "1"))
        for option in ("--port", "--baud", "--timeout"):
            self.expect_bad_input(f"{option} needs --engine fpga", "gemm", "--engine", "model", "--a", "a.npy", "--b", "b.npy",
                                  "--out", "c.npy", option, "1")
        for value in ("0", "1199", "13000000", "fast"):
            self.both("--baud is", port, "--baud", value)
        for value in ("0", "0.001", "4000", "-1", "soon", "1e3", "", "nan"):
            self.both("--timeout is" if value else "timeout", port, f"--timeout={value}")
        self.expect_bad_input("--engine fpga is for `gemm`", "sim", "gemm_int8", "--engine", "fpga")
        self.expect_bad_input("name the same file", *self.gemm(port, "--json", "c.npy"))

    def test_a_board_that_computes_wrong(self):
        port = self.board("--wrong-product")
        before = self.entries()
        result = self.expect_status(1, *self.gemm(port))
        self.assertIn("values are wrong", result.stdout)
        self.assertEqual(self.entries(), before)
        result = self.expect_status(1, "probe", "--port", port)
        self.assertIn("int8 product          FAILED", result.stdout)

    def test_a_board_with_a_stuck_address_bit(self):
        result = self.expect_status(1, "probe", "--port", self.board("--stuck-address", "256"))
        self.assertRegex(result.stdout, "memory addresses *FAILED")


if __name__ == "__main__":
    unittest.main()
