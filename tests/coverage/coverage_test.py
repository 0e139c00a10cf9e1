# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/coverage, on a module of a few lines with planted holes."""
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "coverage.d"))

import coverage_holes  # noqa: E402
import coverage_points  # noqa: E402
import coverage_report  # noqa: E402

SOURCE = """module a;
  always_ff @(posedge clk_i) begin
    if (x) y <= 1;
    else begin
      y <= 0;
      z <= 0;
    end
    unique case (s)
      0: t <= 1;
      default: t <= 0;
    endcase
  end
endmodule
"""
COVERS = """module c;
  for (genvar r = 0; r < 2; r++) begin : gen_resp  //= okay slverr
    for (genvar b = 0; b < 2; b++) begin : gen_beat  //= first last
      answered: cover property (@(posedge clk_i) r && b);
    end
  end
  full: cover property (@(posedge clk_i) f);
endmodule
"""
FILES = {"rtl/a.sv": SOURCE, "tb/c.sv": COVERS}


def point(file, line, column, page, comment, count, lines="", path=""):
    text = f"C '\1f\2{file}\1l\2{line}\1n\2{column}\1page\2{page}\1o\2{comment}"
    return text + (f"\1S\2{lines}" if lines else "") + (f"\1h\2{path}" if path else "") + f"' {count}\n"


def a(counts, module="a"):
    """What a model of the module writes: counts of block, if, else, case 0, default."""
    places = ((2, 3, "v_line", "block", "2-3,8"), (3, 5, "v_branch", "if", "3"), (3, 6, "v_branch", "else", "5-6"),
              (9, 7, "v_line", "case", "9"), (10, 7, "v_line", "case", "10"))
    return "".join(point("/top/rtl/a.sv", line, column, f"{kind}/{module}", name, count, lines)
                   for (line, column, kind, name, lines), count in zip(places, counts))


def counts(*files):
    total = coverage_points.Counts()
    for text in files:
        total.add(b"# SystemC::Coverage-3\n" + text.encode())
    return total.points("/top")


class Points(unittest.TestCase):
    def test_counts_of_files_and_of_parametrisations_are_added(self):
        points = counts(a((5, 1, 4, 5, 0)), a((5, 1, 4, 5, 0)), a((2, 2, 0, 0, 0), "a__W8"))
        self.assertEqual(coverage_points.lines_of(points), {"rtl/a.sv": {2: 12, 3: 4, 5: 8, 6: 8, 8: 12, 9: 10, 10: 0}})

    def test_a_line_counts_as_often_as_the_least_passed_of_its_points(self):
        self.assertEqual(coverage_points.lines_of(counts(a((5, 0, 5, 5, 5))))["rtl/a.sv"][3], 0)

    def test_branches(self):
        found = coverage_points.branches_of(counts(a((5, 1, 4, 5, 0))))["rtl/a.sv"]
        self.assertEqual(found, {(3, 5, "if"): 1, (3, 6, "else"): 4, (9, 7, "case"): 5, (10, 7, "case"): 0})

    def test_bits(self):
        points = counts("".join(point("/top/rtl/a.sv", 1, 1, "v_toggle/a", f"s[{bit}]", bit) for bit in range(4)))
        self.assertEqual(coverage_report.share(list(coverage_points.toggles_of(points)["rtl/a.sv"].values())), (3, 4))
        self.assertEqual(coverage_report.signals(coverage_points.toggles_of(points)), [("rtl/a.sv", 1, "s", 1, 4)])

    def test_files_elsewhere_do_not_count(self):
        self.assertEqual(counts(point("/usr/include/x.sv", 1, 1, "v_line/x", "block", 1, "1")), {})

    def test_lines_of_a_point(self):
        self.assertEqual(coverage_points.parse_lines("3,5-7,10"), {3, 5, 6, 7, 10})
        self.assertEqual(coverage_points.parse_lines(""), set())

    def test_damaged_files_are_refused(self):
        for text in (b"", b"hello\n", b"# SystemC::Coverage-3\nC 'x\n", b"# SystemC::Coverage-3\nC '\1f\2x' many\n"):
            with self.assertRaises(ValueError, msg=text):
                coverage_points.Counts().add(text)

    def test_covers_are_named_by_the_turns_of_their_loops(self):
        path = "TOP.systole.u_cover.gen_resp__BRA__{}__KET__.gen_beat__BRA__{}__KET__.answered"
        text = "".join(point("/top/tb/c.sv", 4, 7, "v_user/c", "answered", r + b, path=path.format(r, b)) for r in range(2) for b in range(2))
        text += point("/top/tb/c.sv", 7, 3, "v_user/c", "full", 0, path="TOP.systole.u_cover.full")
        covers = coverage_points.covers_of(counts(text, text), FILES)
        self.assertEqual({name: count for name, (_, _, count) in covers.items()},
                         {"answered[okay, first]": 0, "answered[okay, last]": 2, "answered[slverr, first]": 2, "answered[slverr, last]": 4,
                          "full": 0})


class Holes(unittest.TestCase):
    LINES = coverage_points.lines_of(counts(a((5, 5, 0, 5, 0))))  # holes: lines 5, 6 and 10
    RIGHT = [{"file": "rtl/a.sv", "code": "y <= 0;", "lines": 1, "reason": "because"},
             {"file": "rtl/a.sv", "code": "z <= 0;", "lines": 1, "reason": "because"},
             {"file": "rtl/a.sv", "code": "default: t <= 0;", "lines": 1, "reason": "two states"}]

    def check(self, entries):
        return coverage_holes.check_lines(self.LINES, FILES, entries)

    def test_holes_with_their_explanations_pass(self):
        holes, complaints = self.check(self.RIGHT)
        self.assertEqual(complaints, [])
        self.assertEqual([(hole.place, hole.reason) for hole in holes],
                         [("rtl/a.sv:5", "because"), ("rtl/a.sv:6", "because"), ("rtl/a.sv:10", "two states")])

    def test_a_hole_without_explanation_fails(self):
        holes, complaints = self.check(self.RIGHT[:2])
        self.assertEqual(complaints, ["rtl/a.sv:10: never executed, and no explanation: default: t <= 0;"])
        self.assertIsNone(holes[2].reason)

    def test_an_explanation_without_its_hole_fails(self):
        for code in ("if (x) y <= 1;", "no such line"):
            _, complaints = self.check([*self.RIGHT, {"file": "rtl/a.sv", "code": code, "lines": 1, "reason": "because"}])
            self.assertEqual(complaints, [f"rtl/a.sv: holes.toml explains 1 line(s) more than are uncovered: {code}"])

    def test_an_explanation_holds_for_as_many_lines_as_it_says(self):
        lines = {"rtl/b.sv": {1: 0, 2: 0, 3: 0}}
        entry = {"file": "rtl/b.sv", "code": "x <= 0;", "lines": 2, "reason": "because"}
        _, complaints = coverage_holes.check_lines(lines, {"rtl/b.sv": "x <= 0;\n" * 3}, [entry])
        self.assertEqual(complaints, ["rtl/b.sv:3: never executed, and no explanation: x <= 0;"])
        _, complaints = coverage_holes.check_lines(lines, {"rtl/b.sv": "x <= 0;\n" * 3}, [{**entry, "lines": 4}])
        self.assertEqual(len(complaints), 1)

    def test_covers(self):
        covers = {"a": ("tb/c.sv", 4, 0), "b": ("tb/c.sv", 5, 3), "c": ("tb/c.sv", 6, 0)}
        holes, complaints = coverage_holes.check_covers(covers, [{"names": ["a", "b", "d"], "reason": "because"}])
        self.assertEqual([hole.what for hole in holes], ["a", "c"])
        self.assertEqual(complaints, ["holes.toml explains the cover b, which happened",
                                      "tb/c.sv:6: never happened, and no explanation: c",
                                      "holes.toml explains the cover d, which does not exist"])

    def test_explanations_need_all_their_parts(self):
        good = '[[line]]\nfile = "rtl/a.sv"\ncode = "x"\nlines = 1\nreason = "because"\n'
        for text in (good.replace('reason = "because"\n', ""), good.replace("because", " "), good.replace("line]]", "lines]]")):
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(text)
                file.flush()
                with self.assertRaises(ValueError, msg=text):
                    coverage_holes.read(file.name)


class Report(unittest.TestCase):
    def test_all_is_never_rounded_up_to(self):
        self.assertEqual(coverage_report.percent(9999, 10000), "99.9")
        self.assertEqual(coverage_report.percent(3, 3), "100.0")
        self.assertEqual(coverage_report.percent(0, 0), "-")

    def test_tracefile(self):
        points = counts(a((5, 1, 4, 5, 0)))
        lines, branches = coverage_points.lines_of(points), coverage_points.branches_of(points)
        text = coverage_report.info("/top", lines, branches, {"full": ("tb/c.sv", 7, 2)})
        self.assertIn("SF:/top/rtl/a.sv\nBRDA:3,0,0,1\n", text)
        self.assertIn("DA:9,5\nDA:10,0\nend_of_record\n", text)
        self.assertIn("SF:/top/tb/c.sv\nFN:7,full\nFNDA:2,full\nDA:7,2\nend_of_record\n", text)

    def test_page_names_what_is_not_explained(self):
        points = counts(a((5, 1, 4, 5, 0)))
        lines, branches = coverage_points.lines_of(points), coverage_points.branches_of(points)
        holes, complaints = coverage_holes.check_lines(lines, FILES, [])
        table = coverage_report.rows(["rtl/a.sv"], lines, branches, {})
        self.assertEqual(table[-1], ("all", (6, 7), (3, 4), (0, 0)))
        page = coverage_report.page(table, holes, [], {}, branches, {}, FILES, complaints)
        self.assertIn("NOT EXPLAINED", page)
        self.assertIn("default: t &lt;= 0;", page)


class Repository(unittest.TestCase):
    def test_explanations_name_lines_and_covers_that_are_there(self):
        explained = coverage_holes.read(ROOT / "scripts" / "coverage.d" / "holes.toml")
        for entry in explained["line"]:
            code = [line.strip() for line in (ROOT / entry["file"]).read_text().splitlines()]
            self.assertGreaterEqual(code.count(entry["code"]), entry["lines"], entry)
        leaves = set(re.findall(r"^\s*(\w+): cover property", (ROOT / "tb" / "cover" / "systole_cover.sv").read_text(), re.M))
        for entry in explained["cover"]:
            for name in entry["names"]:
                self.assertIn(name.split("[")[0], leaves)

    def test_every_loop_of_covers_names_its_turns(self):
        source = (ROOT / "tb" / "cover" / "systole_cover.sv").read_text()
        names = coverage_points.loop_names(source)
        for last, label in re.findall(r"for \(genvar \w+ = \d; \w+ <=? (\d+); .*begin : (\w+)", source):
            self.assertGreaterEqual(len(names.get(label, [])), int(last), label)

    def test_the_table_can_be_printed(self):
        done = subprocess.run([sys.executable, ROOT / "scripts" / "coverage", "--table"], stdout=subprocess.PIPE, text=True, check=True)
        with (ROOT / "scripts" / "coverage.d" / "holes.toml").open("rb") as file:
            entries = sum(len(part) for part in tomllib.load(file).values())
        self.assertEqual(len(done.stdout.splitlines()), 2 + entries)


if __name__ == "__main__":
    unittest.main()
