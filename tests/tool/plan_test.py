# SPDX-License-Identifier: Apache-2.0
"""`systole plan`, the model's cycles and the program without RTL: whatever says how long a product takes says the same."""
import csv
import json
import os
import re
import subprocess
import unittest

import npyfile
from tool import SYSTOLE, ToolTest

MODEL = os.environ.get("SYSTOLE_MODEL", "build/bin/systole-model")
CAUSES = ("compute", "command", "weights", "activations", "hazard", "store", "drain")
BUS = ("read_bytes", "write_bytes", "read_bursts", "write_bursts")
SIZES = {"int8": 1, "uint8": 1, "fp16": 2, "bf16": 2, "int32": 4, "fp32": 4}
NUMPY = {"int8": "|i1", "uint8": "|u1", "fp16": "<f2", "bf16": "<u2"}

# m, n, k, operands, C, configuration, further options of `plan`, the same of the memory and the addresses for `plan` and `gemm`
PRODUCTS = (
    (1, 1, 1, "int8", "int32", "4x4-int8", (), ()),
    (33, 47, 65, "uint8,int8", "int8", "4x4-int8", (), ()),
    (33, 47, 65, "int8", "uint8", "8x8", ("--bias", "--per-column"), ("--mem-latency", "7", "--mem-outstanding", "3")),
    (40, 24, 50, "fp16", "fp16", "8x8", ("--bias",), ("--layout-seed", "5")),
    (17, 90, 31, "bf16", "fp32", "4x4", (), ("--layout-seed", "6", "--mem-bytes-per-cycle", "3")),
    (70, 70, 70, "fp16", "bf16", "16x16", (), ("--mem-latency", "200", "--mem-bytes-per-cycle", "5")),
)


class PlanTest(ToolTest):
    def plan(self, m, n, k, dtype, out, config, *more):
        self.expect_status(0, "plan", "-m", str(m), "-n", str(n), "-k", str(k), "--dtype", dtype, "--out-dtype", out,
                           "--config", config, "--json", "p.json", *more)
        return json.loads((self.folder / "p.json").read_text())

    def gemm(self, engine, m, n, k, dtype, out, config, more, memory):
        a_type, b_type = (dtype.split(",") * 2)[:2]
        npyfile.write(self.folder / "a.npy", NUMPY[a_type], (m, k), [i % 3 for i in range(m * k)])
        npyfile.write(self.folder / "b.npy", NUMPY[b_type], (k, n), [i % 2 for i in range(k * n)])
        arguments = ["--dtype", "bf16"] if dtype == "bf16" else []
        if "--bias" in more:
            npyfile.write(self.folder / "v.npy", "<f4" if out in ("fp16", "fp32", "bf16") else "<i4", (n,), [1] * n)
            arguments += ["--bias", "v.npy"]
        if SIZES[out] == 1:
            count = n if "--per-column" in more else 1
            npyfile.write(self.folder / "s.npy", "<f4", (count,), [0.25] * count)
            arguments += ["--scale", "s.npy"]
        self.expect_status(0, "gemm", "--engine", engine, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--out-dtype", out,
                           "--config", config, "--json", "g.json", "--trace", "t.csv", *arguments, *memory)
        return json.loads((self.folder / "g.json").read_text())

    def trace(self):
        with open(self.folder / "t.csv", newline="") as file:
            return list(csv.DictReader(file))


class Plan(PlanTest):
    def test_report(self):
        for m, n, k, dtype, out, config, more, memory in PRODUCTS:
            with self.subTest(m=m, n=n, k=k, dtype=dtype, out=out, config=config):
                report = self.plan(m, n, k, dtype, out, config, *more, *memory)
                self.assertEqual((report["dtype"], report["out_dtype"], report["config"]["name"]), (dtype, out, config))
                (one,) = report["products"]
                self.assertEqual((one["m"], one["n"], one["k"], one["macs"]), (m, n, k, m * n * k))
                self.assertEqual(sum(one["counters"][cause] for cause in CAUSES), one["cycles"])
                self.assertEqual(one["commands"], one["loads"] + one["matmuls"] + one["stores"])
                core = report["config"]
                peak = core["rows"] * core["cols"] * (2 if SIZES[dtype.split(",")[0]] == 1 else 1)
                rate = min(report["memory"]["bytes_per_cycle"], core["axi_bits"] // 8)
                size = SIZES[dtype.split(",")[0]]
                read = size * (m * k + k * n) + 4 * n * len(more)
                limits = (m * n * k / peak, read / rate, m * n * SIZES[out] / rate)
                for key, limit in zip(("mac_cycles", "read_cycles", "write_cycles"), limits):
                    self.assertAlmostEqual(one["roofline"][key], limit)
                self.assertAlmostEqual(one["roofline"]["efficiency"], max(limits) / one["cycles"])
                self.assertAlmostEqual(one["utilisation"], limits[0] / one["cycles"])
                self.assertGreaterEqual(one["cycles"], max(limits))
                # Whole beats, and the commands besides the operands.
                self.assertGreaterEqual(one["read_bytes"], read + 64 * one["commands"])
                self.assertGreaterEqual(one["write_bytes"], m * n * SIZES[out])

    def test_model_takes_as_long(self):
        for m, n, k, dtype, out, config, more, memory in PRODUCTS:
            with self.subTest(m=m, n=n, k=k, dtype=dtype, out=out, config=config):
                one = self.plan(m, n, k, dtype, out, config, *more, *memory)["products"][0]
                report = self.gemm("model", m, n, k, dtype, out, config, more, memory)
                self.assertEqual((report["cycles"], report["model_cycles"]), (one["cycles"], one["cycles"]))
                self.assertEqual(report["counters"], one["counters"])
                for key in BUS:
                    self.assertEqual(report[key], one[key], key)
                self.assertAlmostEqual(report["utilisation"], one["utilisation"])
                rows = self.trace()
                self.assertEqual(len(rows), one["commands"])
                for kind, count in (("LOAD", "loads"), ("MATMUL", "matmuls"), ("STORE", "stores")):
                    self.assertEqual(sum(row["command"] == kind for row in rows), one[count])
                for row in rows:
                    self.assertEqual((row["begin"], row["end"]), ("", ""))  # nothing was measured
                    self.assertLess(int(row["predicted_begin"]), int(row["predicted_end"]))
                self.assertEqual(max(int(row["predicted_end"]) for row in rows) + 1, one["cycles"])

    def test_memory_matters(self):
        def cycles(*more):
            return self.plan(64, 64, 64, "int8", "int32", "8x8", *more)["products"][0]["cycles"]

        usual = cycles()
        self.assertEqual(cycles("--mem-latency", "40", "--mem-bytes-per-cycle", "16", "--mem-outstanding", "16"), usual)
        self.assertEqual(cycles("--mem-bytes-per-cycle", "64"), usual)  # the port has 16
        for slower in (("--mem-latency", "80"), ("--mem-bytes-per-cycle", "2"), ("--mem-outstanding", "1")):
            self.assertGreater(cycles(*slower), usual)

    def test_many_products_are_each_what_they_are_alone(self):
        shapes = [(1, 1, 1), (64, 64, 64), (3, 200, 40), (200, 3, 40), (64, 64, 64)]
        lines = ["name, k,ignored,m , n"] + [f"x{i},{k},-1,{m}, {n}" for i, (m, n, k) in enumerate(shapes)]
        self.put("s.csv", ("\r\n".join(lines) + "\r\n\r\n").encode())
        result = self.expect_status(0, "plan", "--shapes", "s.csv", "--dtype", "int8", "--out-dtype", "int8", "--config", "8x8",
                                    "--json", "many.json")
        products = json.loads((self.folder / "many.json").read_text())["products"]
        self.assertEqual([(p["m"], p["n"], p["k"]) for p in products], shapes)
        for product in products:
            alone = self.plan(product["m"], product["n"], product["k"], "int8", "int8", "8x8")["products"][0]
            [p.pop(key) for p in (product, alone) for key in ("driver_s", "model_s")]
            self.assertEqual(product, alone)
        self.assertIn(f"{sum(p['cycles'] for p in products):,}", result.stdout)

    def test_shapes_may_begin_with_a_byte_order_mark(self):
        for lines in ("m,n,k\n3,4,5\n", "\r\nm,n,k\r\n3,4,5"):
            self.put("s.csv", b"\xef\xbb\xbf" + lines.encode())
            self.expect_status(0, "plan", "--shapes", "s.csv", "--json", "p.json")
            (one,) = json.loads((self.folder / "p.json").read_text())["products"]
            self.assertEqual((one["m"], one["n"], one["k"]), (3, 4, 5))

    def test_summary(self):
        text = self.expect_status(0, "plan", "-m", "64", "-n", "64", "-k", "64").stdout
        cycles = self.plan(64, 64, 64, "fp16", "fp32", "16x16")["products"][0]["cycles"]
        self.assertIn(f"{cycles:,} from doorbell to interrupt", text)
        for word in ("fp16 -> fp32", "16x16", "LOAD", "MATMUL", "STORE", "utilisation", "roofline", "compute", "###", "bursts"):
            self.assertIn(word, text)
        self.assertLessEqual(len(text.splitlines()), 40)
        self.assertLessEqual(max(map(len, text.splitlines())), 130)
        text = self.expect_status(0, "plan", "-m", "3", "-n", "3", "-k", "3", "--config", "4x4-int8").stdout
        self.assertIn("int8 -> int32", text)


class WithoutClock(PlanTest):
    def test_random_stalls_have_no_cycles(self):
        report = self.gemm("model", 9, 9, 9, "int8", "int32", "8x8", (), ("--stall-seed", "3"))
        for key in ("cycles", "model_cycles", "utilisation", "counters") + BUS:
            self.assertIsNone(report[key], key)
        self.assertIs(report["pass"], True)
        self.assertEqual(self.trace(), [])

    def test_the_order_of_the_engines_does_not_change_the_cycles(self):
        first = self.gemm("model", 30, 40, 50, "int8", "int32", "8x8", (), ())
        other = self.gemm("model", 30, 40, 50, "int8", "int32", "8x8", (), ("--order-seed", "4"))
        self.assertEqual(first["cycles"], other["cycles"])


class Rtl(PlanTest):
    @unittest.skipIf("systole-model" in SYSTOLE, "no RTL")
    def test_rtl_takes_as_long(self):
        for m, n, k, dtype, out, config, more, memory in PRODUCTS:
            with self.subTest(m=m, n=n, k=k, dtype=dtype, out=out, config=config):
                one = self.plan(m, n, k, dtype, out, config, *more, *memory)["products"][0]
                report = self.gemm("rtl", m, n, k, dtype, out, config, more, memory)
                self.assertEqual((report["cycles"], report["model_cycles"]), (one["cycles"], one["cycles"]))
                self.assertEqual(report["counters"], one["counters"])
                for key in BUS:
                    self.assertEqual(report[key], one[key], key)
                rows = self.trace()
                self.assertEqual(len(rows), one["commands"])
                for row in rows:
                    self.assertEqual((row["begin"], row["end"]), (row["predicted_begin"], row["predicted_end"]))
                    self.assertNotEqual(row["begin"], "")
                # What the host does between two jobs takes as long, too.
                model = self.gemm("model", m, n, k, dtype, out, config, more, memory)
                self.assertEqual(model["simulated_cycles"], report["simulated_cycles"])

    def test_queued_products_take_as_long(self):
        reports = []
        for engine in ("rtl", "model"):
            self.expect_status(0, "sim", "gemm_mixed", "--engine", engine, "--config", "8x8", "--json", "r.json")
            reports.append(json.loads((self.folder / "r.json").read_text()))
        for key in ("cycles", "model_cycles", "counters", "macs", "simulated_cycles") + BUS:
            self.assertEqual(reports[0][key], reports[1][key], key)
        self.assertEqual(reports[0]["model_cycles"], reports[0]["cycles"])

    def test_stalls_are_measured_but_not_predicted(self):
        report = self.gemm("rtl", 9, 9, 9, "int8", "int32", "8x8", (), ("--stall-seed", "3"))
        self.assertGreater(report["cycles"], 0)
        self.assertIsNone(report["model_cycles"])
        self.assertIsNone(report["timing"])
        rows = self.trace()
        self.assertEqual([row["command"] for row in rows if row["command"] != "LOAD"], ["MATMUL", "STORE"])
        for row in rows:
            self.assertEqual((row["predicted_begin"], row["predicted_end"]), ("", ""))
            self.assertLess(int(row["begin"]), int(row["end"]))
        # RING_HEAD shows the last one, and the interrupt comes, in the cycle after it.
        self.assertEqual(max(int(row["end"]) for row in rows) + 1, report["cycles"])


class ProgramWithoutRtl(PlanTest):
    program = MODEL

    def symbols(self, program):
        names = subprocess.run(["nm", "-C", os.path.abspath(program)], capture_output=True, text=True, check=True).stdout
        self.assertIn("systole::timing::predict", names)  # it has symbols at all
        verilated = re.compile(r"\bVsystole_|\bverilated|\bVerilated(?!Model)|\bVl[A-Z]\w+|\bvl_")
        return [line for line in names.splitlines() if verilated.search(line)]

    def test_it_holds_nothing_verilated(self):
        self.assertEqual(self.symbols(MODEL), [])
        self.assertGreater(len(self.symbols(SYSTOLE)), 1000)  # the search finds what there is

    def test_it_has_no_rtl(self):
        for arguments in (("sim", "gemm_int8"), ("gemm", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")):
            self.expect_bad_input("this program holds no RTL", *arguments, "--engine", "rtl")

    def test_it_says_its_own_name(self):
        self.expect_bad_input("systole-model: unknown command 'x' (systole-model --help lists them)", "x")
        self.expect_bad_input("systole-model: -m is missing (systole-model plan --help)", "plan")
        for arguments in (("--help",), ("plan", "--help"), ("gemm", "--help"), ("sim", "--help")):
            self.assertTrue(self.expect_status(0, *arguments).stdout.startswith("Usage: systole-model "), arguments)

    def test_it_says_what_the_other_says(self):
        for m, n, k, dtype, out, config, more, memory in PRODUCTS:
            with self.subTest(m=m, n=n, k=k, dtype=dtype, out=out, config=config):
                reports = []
                for self.program in (SYSTOLE, MODEL):
                    plan = self.plan(m, n, k, dtype, out, config, *more, *memory)
                    [plan["products"][0].pop(key) for key in ("driver_s", "model_s")]
                    gemm = self.gemm("model", m, n, k, dtype, out, config, more, memory)
                    gemm.pop("wall_s")
                    reports.append((plan, gemm, self.trace(), (self.folder / "c.npy").read_bytes()))
                self.assertEqual(reports[0], reports[1])
                self.assertGreater(reports[0][1]["cycles"], 0)

    def test_its_engine_is_the_model(self):
        self.expect_status(0, "sim", "gemm_int8", "--config", "32x32-int8", "--json", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertEqual((report["engine"], report["pass"]), ("model", True))
        self.assertGreater(report["cycles"], 0)


if __name__ == "__main__":
    unittest.main()
