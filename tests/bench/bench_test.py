#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench writes, against the definitions in docs/performance.md worked out anew; and that it notices what it must.

The environment's SYSTOLE_BIN names the folder of systole and systole-model (default build/bin).
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from fractions import Fraction
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("SYSTOLE_BIN", ROOT / "build" / "bin")).resolve()
sys.path.insert(0, str(ROOT / "scripts"))
import bench_docs  # noqa: E402
import bench_parts  # noqa: E402
from gemm_runs import RunError  # noqa: E402

BITS = {"int8": 8, "fp16": 16, "bf16": 16, "int32": 32, "fp32": 32}
CAUSES = {"compute", "command", "weights", "activations", "hazard", "store", "drain", "idle"}
TABLES = ("square", "resnet50", "bert", "mlperf_tiny", "other", "random")
SVG = "{http://www.w3.org/2000/svg}"


def bench(*arguments, programs=BIN):
    words = [sys.executable, ROOT / "scripts" / "bench", "--quick", "--bin", programs, *arguments]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=250, check=False)


class Figures:
    """Definitions of docs/performance.md, in exact fractions."""

    def __init__(self, row):
        rows, cols = (int(size) for size in row["config"].split("-")[0].split("x"))
        m, n, k = row["m"], row["n"], row["k"]
        a, c = BITS[row["dtype"]], BITS[row["out_dtype"]]
        # The quoted memory gives 16 bytes a cycle, the buses of the 4x4 arrays 4.
        bandwidth = 4 if rows == cols == 4 else 16
        read, write = Fraction((m * k + n * k) * a, 8 * bandwidth), Fraction(m * n * c, 8 * bandwidth)
        # A word holds 16 bits for each row of the array.
        lanes = rows * 16 // a
        self.array = Fraction(m * n * k, lanes * cols)
        self.ideal = max(self.array, read, write)
        padded = m * math.ceil(Fraction(n, cols)) * cols * math.ceil(Fraction(k, lanes)) * lanes
        self.bound_cycles = max(Fraction(padded, lanes * cols), read, write)
        self.bound = self.ideal / self.bound_cycles
        # Half a tile's columns of a row leave in a cycle at best.
        self.store_cycles = max(self.bound_cycles, m * math.ceil(Fraction(2 * n, cols)))


class BenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="systole-bench-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.done = bench("--out", cls.folder)
        if cls.done.returncode != 0:
            raise AssertionError(cls.done.stdout[-2000:] + cls.done.stderr)
        cls.tables = {name: json.loads((cls.folder / f"{name}.json").read_text()) for name in (*TABLES, "simulation")}

    def every_row(self):
        for name in TABLES:
            for row in self.tables[name]["rows"]:
                with self.subTest(table=name, **{key: row[key] for key in ("config", "dtype", "out_dtype", "m", "n", "k")}):
                    yield row

    def test_figures_follow_their_definitions(self):
        for row in self.every_row():
            figures = Figures(row)
            self.assertAlmostEqual(row["ideal_cycles"], float(figures.ideal), places=6)
            self.assertAlmostEqual(row["utilisation"], float(figures.array / row["cycles"]), places=9)
            self.assertAlmostEqual(row["efficiency"], float(figures.ideal / row["cycles"]), places=9)
            self.assertAlmostEqual(row["bound"], float(figures.bound), places=9)
            self.assertAlmostEqual(row["bound_with_store"], float(figures.ideal / figures.store_cycles), places=9)

    def test_nothing_is_better_than_its_bound(self):
        for row in self.every_row():
            self.assertLess(row["efficiency"], row["bound_with_store"])
            self.assertLessEqual(row["bound_with_store"], row["bound"])
            self.assertLessEqual(row["bound"], 1)
        rows = self.tables["random"]["rows"]
        self.assertTrue(any(row["bound_with_store"] < row["bound"] for row in rows))
        self.assertTrue(any(row["bound_with_store"] == row["bound"] for row in rows))

    def test_counters_account_for_every_cycle(self):
        for row in self.every_row():
            self.assertEqual(set(row["counters"]), CAUSES)
            self.assertEqual(sum(row["counters"].values()), row["cycles"])
            self.assertGreaterEqual(row["read_bytes"], row["min_read_bytes"])
            self.assertGreaterEqual(row["write_bytes"], row["min_write_bytes"])

    def test_each_row_says_where_it_comes_from(self):
        for row in self.every_row():
            self.assertIn(row["source"], ("rtl", "model"))
        for name in ("square", "bert", "mlperf_tiny", "other", "random"):
            self.assertIn("rtl", {row["source"] for row in self.tables[name]["rows"]}, name)

    def test_totals_are_the_sums_of_their_rows(self):
        for name in ("resnet50", "bert", "mlperf_tiny"):
            table = self.tables[name]
            for total in table["totals"]:
                rows = [
                    row
                    for row in table["rows"]
                    if all(row[key] == total[key] for key in ("config", "dtype", "out_dtype"))
                    and row.get("model", total["name"]) == total["name"]
                ]
                self.assertEqual(len(rows), total["rows"])
                self.assertGreater(len(rows), 0)
                cycles = sum(row["cycles"] * row.get("count", 1) for row in rows)
                ideal = sum(Figures(row).ideal * row.get("count", 1) for row in rows)
                self.assertEqual(total["cycles"], cycles)
                self.assertAlmostEqual(total["efficiency"], float(ideal / cycles), places=9)

    def test_resnet50_stands_beside_scalesim_where_the_arrays_are_alike(self):
        for row in self.tables["resnet50"]["rows"]:
            self.assertEqual("scalesim_cycles" in row, row["config"] == "16x16" and row["dtype"] == "fp16")
        # The last of the 54 layers, from SCALE-Sim's own report.
        last = [row for row in self.tables["resnet50"]["rows"] if "scalesim_cycles" in row][-1]
        self.assertEqual((last["m"], last["n"], last["k"], last["scalesim_cycles"]), (1, 1000, 2048, 379007))

    def test_the_least_product_is_accounted_for_step_by_step(self):
        for row in self.tables["square"]["floor"]:
            size = int(row["config"].split("x")[0])
            self.assertEqual(sum(row["steps"]), row["cycles"])
            # docs/architecture.md: the last sum 2 + P + L * Rows + Cols - 1 cycles after the first row, P = 2 and L = 4; then the
            # token.
            self.assertEqual(row["steps"][2], 2 + 2 + 4 * size + size - 1 + 1)
            # Fetch, operands and result each wait for the memory's 40 cycles.
            self.assertTrue(all(row["steps"][i] > 40 for i in (0, 1, 3)), row)

    def test_random_shapes_are_the_same_everywhere_and_their_summary_is_theirs(self):
        table = self.tables["random"]
        self.assertEqual(len({(item["config"], item["dtype"], item["out_dtype"]) for item in table["sets"]}), 6)
        for item in table["sets"]:
            rows = [row for row in table["rows"] if all(row[key] == item[key] for key in ("config", "dtype", "out_dtype"))]
            self.assertEqual([[row["m"], row["n"], row["k"]] for row in rows], table["shapes"])
            for row in rows:
                least = Figures(row).store_cycles + row["floor_cycles"]
                self.assertAlmostEqual(row["bound_with_floor"], float(Figures(row).ideal / least), places=9)
            for floor in self.tables["square"]["floor"]:
                if all(floor[key] == item[key] for key in ("config", "dtype", "out_dtype")):
                    self.assertEqual({row["floor_cycles"] for row in rows}, {floor["cycles"]})
            self.assertEqual(set(item["shares"]), CAUSES)
            self.assertAlmostEqual(sum(item["shares"].values()), 1)
            for cause, share in item["shares"].items():
                self.assertAlmostEqual(share, sum(Fraction(row["counters"][cause], row["cycles"]) for row in rows) / len(rows))
            for key in ("efficiency", "bound", "bound_with_store", "bound_with_floor"):
                values = sorted(row[key] for row in rows)
                self.assertEqual(item[key]["worst"], values[0])
                self.assertEqual(item[key]["best"], values[-1])
                half = len(values) // 2
                self.assertEqual(len(values) % 2, 0)
                self.assertAlmostEqual(item[key]["median"], (values[half - 1] + values[half]) / 2)
                self.assertEqual(item[key]["below"], len([value for value in values if value < 0.8]))
        sizes = sorted(size for shape in table["shapes"] for size in shape)
        self.assertGreaterEqual(sizes[0], 16)
        self.assertLessEqual(sizes[-1], 2048)
        # Log-uniform: half of them below the geometric mean of the bounds, 181; of 120 sizes, 60 with a deviation of 5.5.
        self.assertAlmostEqual(len([size for size in sizes if size < 181]) / len(sizes), 0.5, delta=0.2)

    def test_every_miss_is_printed(self):
        misses = [row for row in self.tables["random"]["rows"] if row["efficiency"] < 0.8]
        self.assertIn(f"below 80 %: {len(misses)} of {len(self.tables['random']['rows'])}", self.done.stdout)
        tail = self.done.stdout.split("below 80 %: ")[1].splitlines()
        for row in misses:
            words = [row["config"], row["dtype"], "->", row["out_dtype"], *(str(row[key]) for key in ("m", "n", "k", "cycles"))]
            self.assertTrue(any(line.split()[:8] == words for line in tail), words)

    def test_a_seed_repeats_its_shapes(self):
        texts = []
        for seed in ("3", "3", "4"):
            out = self.folder / f"seed{len(texts)}"
            done = bench("--seed", seed, "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([path.name for path in sorted(out.glob("*.json"))], [f"random_{seed}.json"])
            texts.append(json.loads((out / f"random_{seed}.json").read_text()))
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0]["shapes"], texts[2]["shapes"])
        self.assertNotEqual(texts[0]["shapes"], self.tables["random"]["shapes"])
        self.assertEqual(self.tables["random"]["seed"], 1)

    def test_wrong_input_gets_one_line(self):
        file = self.folder / "file"
        file.write_text("")
        wrong = [
            *(("--seed", seed) for seed in ("", "x", "-1", "1.5", "0x7", " 7", "²", str(1 << 64))),
            ("--seed", "1", "--seed", "2"),
            ("--seed", "1", "bert"),
            ("nothing",),
            ("--nothing",),
            ("--jobs", "many"),
            ("--jobs", "0"),
            ("--resnet-rtl", "bert"),
            ("--resnet-rtl", "--seed", "2"),
            ("--update-docs", "bert"),
            ("--update-docs", "--seed", "2"),
            ("--out", file, "bert"),
            ("--out", file / "below", "bert"),
        ]
        for words in wrong:
            with self.subTest(words=words):
                done = bench(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, r"\Abench: [^\n]+\n\Z")

    def test_goals_are_of_this_run_alone(self):
        loader = importlib.machinery.SourceFileLoader("bench_program", str(ROOT / "scripts" / "bench"))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_program", loader))
        loader.exec_module(module)
        out = self.folder / "stale"
        out.mkdir()
        (out / "random.json").write_text(json.dumps({**self.tables["random"], "quick": False}))

        def run(written):
            class Bench(bench_parts.Bench):
                def bert(self):
                    self.written.update(written)

            words, text = ["bench", "--out", str(out), "bert"], io.StringIO()
            with mock.patch.object(module, "Bench", Bench), mock.patch.object(sys, "argv", words):
                with contextlib.redirect_stdout(text), contextlib.redirect_stderr(io.StringIO()):
                    self.assertEqual(module.main(), 0)
            return text.getvalue()

        self.assertNotIn("goals", run({"bert": self.tables["bert"]}))
        text = run({"random": self.tables["random"]})
        self.assertIn("goals", text)
        self.assertEqual(text.count("random shapes, median"), 6)
        total = {"config": "16x16", "dtype": "fp16", "out_dtype": "fp16", "rows": 54, "cycles": 14_400_001}
        text = run({"resnet50_rtl": {"rows": [], "totals": [total]}})
        self.assertIn("14,400,001", text)
        self.assertIn("MISSED", text)
        self.assertNotIn("random", text)

    def test_the_plot_is_well_formed_and_shows_every_product_below_the_roof(self):
        root = xml.etree.ElementTree.parse(self.folder / "roofline.svg").getroot()
        self.assertEqual(root.tag, SVG + "svg")
        width, height = (float(root.get(name)) for name in ("width", "height"))
        shown = [row for name in TABLES[:4] + TABLES[5:] for row in self.tables[name]["rows"] if row["dtype"] == row["out_dtype"]]
        marks = [mark for mark in root.iter(SVG + "circle") if "cycles" in mark.find(SVG + "title").text]
        self.assertEqual(len(marks), len(shown))
        lines = [line.get("points").split() for line in root.iter(SVG + "polyline")]
        lines = [[tuple(float(x) for x in point.split(",")) for point in points] for points in lines]
        self.assertEqual(len(lines), 12)
        # Each panel: the roof, 80 % of it, half of it; the axis is logarithmic.
        roofs = lines[::3]
        for roof, most, half in zip(roofs, lines[1::3], lines[2::3]):
            for i in (1, 2):
                self.assertEqual(roof[i][0], half[i][0])
                self.assertEqual(roof[i][0], most[i][0])
                factor = half[i][1] - roof[i][1]
                self.assertGreater(factor, 10)
                self.assertAlmostEqual((most[i][1] - roof[i][1]) / factor, math.log2(1.25), delta=0.01)
        for mark in marks:
            x, y = float(mark.get("cx")), float(mark.get("cy"))
            self.assertTrue(0 < x < width and 0 < y < height)
            # The panel's roof: a slope and a flat. Downwards is greater.
            (x0, y0), (x1, y1), (x2, _) = min(roofs, key=lambda roof: abs(roof[2][0] - x - 200) + abs(roof[2][1] - y + 150))
            if x0 <= x <= x2:
                roof = y1 if x >= x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
                self.assertGreater(y, roof - 0.2)
            rtl = mark.get("fill") != "#ffffff"
            self.assertEqual("(rtl)" in mark.find(SVG + "title").text, rtl)

    def test_a_model_that_is_off_by_one_cycle_is_noticed(self):
        programs = self.folder / "wrong"
        programs.mkdir()
        (programs / "systole").symlink_to(BIN / "systole")
        (programs / "systole-model").write_text(f"""#!{sys.executable}
import json, subprocess, sys
subprocess.run([{str(BIN / 'systole-model')!r}, *sys.argv[1:]], check=True)
path = sys.argv[sys.argv.index("--json") + 1]
report = json.load(open(path))
for product in report["products"]:
    product["cycles"] += 1
json.dump(report, open(path, "w"))
""")
        (programs / "systole-model").chmod(0o755)
        done = bench("square", "--out", self.folder / "off", programs=programs)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"\d+ cycles on the RTL, \d+ by systole plan")
        self.assertFalse((self.folder / "off" / "square.json").exists())

    def full(self, name):
        """A folder like that of a full run, and documents."""
        results, docs = self.folder / name, self.folder / f"{name}_docs"
        (docs / "images").mkdir(parents=True)
        results.mkdir()
        shutil.copyfile(ROOT / "docs" / "performance.md", docs / "performance.md")
        (docs / "images" / "roofline.svg").write_text("old plot")
        shutil.copyfile(self.folder / "roofline.svg", results / "roofline.svg")
        for table, contents in self.tables.items():
            (results / f"{table}.json").write_text(json.dumps({**contents, "quick": False}))
        return results, docs

    def test_the_document_gets_its_tables(self):
        results, docs = self.full("full")
        document = docs / "performance.md"
        before = document.read_text(encoding="utf-8")
        self.assertEqual(bench_docs.update(results, docs), 0)
        once = document.read_text(encoding="utf-8")
        self.assertEqual(bench_docs.update(results, docs), 0)
        self.assertEqual(document.read_text(encoding="utf-8"), once)
        self.assertEqual((docs / "images" / "roofline.svg").read_bytes(), (results / "roofline.svg").read_bytes())
        for row in self.tables["square"]["rows"]:
            self.assertIn(f"{row['cycles']:,}: {100 * row['efficiency']:.1f} %", once)
        for item in self.tables["random"]["sets"]:
            words = " | ".join(f"{100 * share:.1f} %" for share in item["shares"].values())
            self.assertIn(f"| {item['config']} | {item['dtype']} → {item['out_dtype']} | {words} |", once)
        # Without scripts/profile its block stays.
        block = lambda text, name: text.split(bench_docs.BEGIN.format(name))[1].split(bench_docs.END.format(name))[0]  # noqa: E731
        self.assertEqual(block(once, "profile"), block(before, "profile"))
        for name in set(bench_docs.BLOCKS) - {"profile"}:
            self.assertNotEqual(block(once, name), "\n", name)
        # What is not between markers stays as it was.
        self.assertEqual(self.prose(once), self.prose(before))

    def test_the_documents_say_which_side_is_ahead(self):
        def words(ours):
            row = {"m": 96, "cycles": 1, "utilisation": 0.1, "one_cycle_memory": {"utilisation": ours}, "redmule_utilisation": 0.5}
            return bench_docs.redmule(bench_docs.Results(run={"square": {"redmule": [row]}}))

        self.assertIn("RedMulE is ahead at 96³ (50.0 % against 40.0 %)", words(0.4))
        self.assertIn("this machine is ahead at 96³ (60.0 % against 50.0 %)", words(0.6))

    def test_the_documents_blame_the_first_bound_below_the_goal(self):
        def words(*medians):
            keys = ("efficiency", "bound", "bound_with_store", "bound_with_floor")
            item = {"config": "8x8", "dtype": "int8", "out_dtype": "int32"}
            return bench_docs.verdict([{**item, **{key: {"median": median} for key, median in zip(keys, medians)}}])

        self.assertIn("no bound's median lies below it: 8x8 int8 → int32", words(0.94, 0.99, 0.98, 0.96))
        self.assertIn("*bound, epilogue, begin and end* lies below it already", words(0.90, 0.99, 0.98, 0.94))
        self.assertIn("*bound, epilogue* lies below it already", words(0.90, 0.99, 0.94, 0.93))
        self.assertIn("*bound* lies below it already", words(0.90, 0.94, 0.94, 0.93))
        self.assertEqual("Every median reaches its goal.", words(0.95, 0.99, 0.99, 0.99))

    def test_figures_that_are_not_those_of_a_full_run_stay_out_of_the_documents(self):
        def quick(results):
            (results / "bert.json").write_text(json.dumps(self.tables["bert"]))

        def seven(results):
            (results / "random.json").write_text(json.dumps({**self.tables["random"], "quick": False, "seed": 7}))

        def older(results):
            table = json.loads((results / "other.json").read_text())
            del table["wide"]
            (results / "other.json").write_text(json.dumps(table))

        def rid(name):
            return lambda results: (results / name).unlink()

        wrong = [
            ("gone", shutil.rmtree, "no such folder"),
            ("empty", lambda results: [path.unlink() for path in results.iterdir()], "not measured: square, .*, speed;"),
            *(
                (f"no_{table}", rid(f"{table}.json"), f"not measured: {bench_docs.PART_OF.get(table, table)};")
                for table in self.tables
            ),
            ("no_plot", rid("roofline.svg"), "no roofline.svg"),
            ("quick", quick, "measured with --quick: bert;"),
            ("seed", seven, "random: not of seed 1"),
            ("older", older, "block wide .*another version"),
            ("cut", lambda results: (results / "square.json").write_text('{"rows": ['), "square.json: cannot be read"),
            ("list", lambda results: (results / "square.json").write_text("[]"), "square.json: not what"),
        ]
        for name, spoil, words in wrong:
            with self.subTest(name):
                results, docs = self.full(f"refused_{name}")
                before = (docs / "performance.md").read_bytes()
                spoil(results)
                with self.assertRaisesRegex(RunError, words) as caught:
                    bench_docs.update(results, docs)
                self.assertNotIn("\n", str(caught.exception))
                self.assertEqual((docs / "performance.md").read_bytes(), before)
                self.assertEqual((docs / "images" / "roofline.svg").read_text(), "old plot")

    def test_the_program_refuses_a_quick_folder(self):
        # In a project of its own, so that a fault does not reach this one's documents.
        project = self.folder / "project"
        for name in ("scripts", "sim/platform/config.cpp", "docs/performance.md"):
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, project / name)
        for folder in (self.folder, self.folder / "nowhere"):
            words = [sys.executable, str(project / "scripts" / "bench"), "--update-docs", "--out", str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"\Abench: [^\n]+ stay as they are\n\Z")
            self.assertEqual((project / "docs" / "performance.md").read_bytes(), (ROOT / "docs" / "performance.md").read_bytes())

    @staticmethod
    def prose(text):
        for name in bench_docs.BLOCKS:
            head, rest = text.split(bench_docs.BEGIN.format(name))
            text = head + rest.split(bench_docs.END.format(name))[1]
        return text


if __name__ == "__main__":
    unittest.main()
