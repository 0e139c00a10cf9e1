# SPDX-License-Identifier: Apache-2.0
"""Products of .npy files through the tool against sums in Python's unlimited integers, and the other commands."""
import json
import os
import random
import unittest

import npyfile
from tool import ENGINE, ToolTest

RANGES = {"|i1": (-128, 127), "|u1": (0, 255)}
TEST_KEYS = {"test", "config", "shape", "dtype", "engine", "pass", "mismatches", "cycles", "model_cycles", "macs", "utilisation", "counters", "seed", "wall_s"}
CASE_KEYS = TEST_KEYS - {"test", "config", "engine", "seed"}


def wrap(value):
    return (value + 2**31) % 2**32 - 2**31


class RoundTrip(ToolTest):
    def product(self, rng, m, n, k, a_type, b_type, *, bias=False, zero_points="none", config="16x16-int8", version=1):
        a = [rng.randint(*RANGES[a_type]) for _ in range(m * k)]
        b = [rng.randint(*RANGES[b_type]) for _ in range(k * n)]
        npyfile.write(self.folder / "a.npy", a_type, (m, k), a, version)
        npyfile.write(self.folder / "b.npy", b_type, (k, n), b, version)
        arguments = ["gemm", "--engine", ENGINE, "--config", config, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--json", "r.json"]
        seed = [0] * n
        if bias:
            seed = [rng.randint(-(2**31), 2**31 - 1) for _ in range(n)]
            npyfile.write(self.folder / "v.npy", "<i4", (n,), seed, version)
            arguments += ["--bias", "v.npy"]
        a_zp, b_zp = 0, [0] * n
        if zero_points != "none":
            a_zp = rng.choice(RANGES[a_type])
            b_zp = [rng.choice(RANGES[b_type])] * n
            arguments += ["--a-zero-point", str(a_zp)]
            if zero_points == "columns":
                b_zp = [rng.randint(*RANGES[b_type]) for _ in range(n)]
                npyfile.write(self.folder / "z.npy", b_type, (n,), b_zp, version)
                arguments += ["--b-zero-point", "z.npy"]
            else:
                arguments += [f"--b-zero-point={b_zp[0]}"]
        result = self.expect_status(0, *arguments)
        self.assertIn("PASS", result.stdout)
        self.assertIn("transposed once", result.stdout)
        self.assertEqual(result.stderr, "")
        descr, shape, c = npyfile.read(self.folder / "c.npy")
        self.assertEqual((descr, shape), ("<i4", (m, n)))
        expected = [
            wrap(seed[j] + sum((a[i * k + x] - a_zp) * (b[x * n + j] - b_zp[j]) for x in range(k))) for i in range(m) for j in range(n)
        ]
        self.assertEqual(c, expected)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["shape"], {"m": m, "n": n, "k": k})
        self.assertIs(report["pass"], True)
        self.assertEqual(report["macs"], m * n * k)
        self.assertEqual(f"{report['config']['rows']}x{report['config']['cols']}-int8", config)
        if ENGINE == "rtl":
            self.assertEqual(sum(report["counters"].values()), report["cycles"])
        else:
            self.assertIsNone(report["cycles"])
        leftovers = [name for name in os.listdir(self.folder) if name.startswith(".") or name.endswith(".tmp")]
        self.assertEqual(leftovers, [])

    def test_products_equal_python(self):
        rng = random.Random(1)
        for index, (m, n, k) in enumerate([(1, 1, 1), (1, 1, 40), (3, 5, 7), (17, 16, 33), (1, 70, 65), (40, 1, 31), (33, 35, 64)]):
            for a_type in RANGES:
                for b_type in RANGES:
                    with self.subTest(m=m, n=n, k=k, a=a_type, b=b_type):
                        zero_points = ("none", "scalar", "columns")[(index + (a_type == b_type)) % 3]
                        self.product(rng, m, n, k, a_type, b_type, bias=index % 2 == 1, zero_points=zero_points, version=1 + index % 2)

    def test_every_configuration(self):
        rng = random.Random(2)
        for config in ("16x16-int8", "8x8-int8", "4x4-int8", "8x16-int8", "16x4-int8", "32x32-int8"):
            with self.subTest(config=config):
                self.product(rng, 19, 37, 71, "|u1", "|i1", bias=True, zero_points="columns", config=config)

    def test_an_older_output_is_replaced(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        npyfile.write(self.folder / "b.npy", "|i1", (1, 1), [3])
        self.put("c.npy", b"x" * 1000)
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.assertEqual(npyfile.read(self.folder / "c.npy"), ("<i4", (1, 1), [6]))

    def test_an_input_may_be_the_output(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "a.npy", "--out", "a.npy")
        self.assertEqual(npyfile.read(self.folder / "a.npy"), ("<i4", (1, 1), [4]))

    def test_devices_as_outputs(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "a.npy", "--out", "/dev/null")


class Commands(ToolTest):
    def test_help_list_and_version(self):
        for arguments in (["--help"], ["help"], ["gemm", "--help"], ["sim", "--help"], ["list"], ["version"], ["--version"], ["sim"]):
            result = self.expect_status(0, *arguments)
            self.assertEqual(result.stderr, "")
            self.assertNotEqual(result.stdout, "")
        listed = [line.split()[0] for line in self.systole("sim").stdout.splitlines()]
        for name in ("gemm_int8", "gemm_int8_ragged", "gemm_uint8_asymmetric", "gemm_int8_stress", "gemv_int8", "gemm_int8_long"):
            self.assertIn(name, listed)

    def test_a_named_test_with_one_product(self):
        self.expect_status(0, "sim", "gemm_int8", "--engine", ENGINE, "--json", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["test"], "gemm_int8")
        self.assertEqual(report["shape"], {"m": 256, "n": 256, "k": 256})
        self.assertEqual(report["dtype"], "int8")
        self.assertEqual(report["config"], {"name": "16x16-int8", "rows": 16, "cols": 16, "axi_bits": 128, "fp": False})
        self.assertEqual((report["pass"], report["mismatches"], report["model_cycles"], report["seed"]), (True, 0, None, 1))

    def test_a_named_test_with_many_products(self):
        self.expect_status(0, "sim", "gemm_int8_stress", "--engine", ENGINE, "--config", "8x8-int8", "--seed", "7", "--json", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["seed"], 7)
        self.assertGreaterEqual(len(report["cases"]), 24)
        for case in report["cases"]:
            self.assertLessEqual(CASE_KEYS, set(case))
            self.assertIs(case["pass"], True)
        self.assertEqual(sum(case["macs"] for case in report["cases"]), report["macs"])

    def test_a_seed_means_the_same_data_again(self):
        reports = []
        for seed in ("3", "3", "4"):
            self.expect_status(0, "sim", "gemm_int8_stress", "--engine", ENGINE, "--config", "4x4-int8", "--seed", seed, "--json", "r.json")
            reports.append([case["shape"] for case in json.loads((self.folder / "r.json").read_text())["cases"]])
        self.assertEqual(reports[0], reports[1])
        self.assertNotEqual(reports[0], reports[2])


if __name__ == "__main__":
    unittest.main()
