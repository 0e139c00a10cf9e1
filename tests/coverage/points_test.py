# SPDX-License-Identifier: Apache-2.0
"""From RTL to counts, as a build with SYSTOLE_COVERAGE does it: a module with a branch that nothing reaches, a bit that never falls and a cover that
never happens is Verilated, two models of it run, one after the other, and exactly these are missing."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "coverage.d"))

import coverage_points  # noqa: E402

INCLUDE = pathlib.Path(os.environ["VERILATOR_INCLUDE"])
LIBRARY = os.environ["VERILATED_LIBRARY"]
COMPILER = os.environ["COMPILER"]

RTL = """module looping #(parameter int W = 4) (
  input  logic         clk_i,
  input  logic         rst_ni,
  output logic [W-1:0] count_o,
  output logic         stuck_o
);
  function automatic logic [W-1:0] next(input logic [W-1:0] x);
    next = x;
    if (x == W'(11)) next = '0;
    else next = x + W'(1);
  endfunction
  if (W > 8) begin : gen_wide
    always_ff @(posedge clk_i) stuck_o <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_o <= '0;
    else count_o <= next(count_o);
    if (rst_ni) stuck_o <= 1'b1;
    if (count_o == W'(12)) begin
      stuck_o <= 1'b0;
    end
  end
endmodule
module covers (input logic clk_i, input logic [3:0] count_i);
  for (genvar n = 10; n < 14; n += 2) begin : gen_n
    reached: cover property (@(posedge clk_i) count_i == 4'(n));
  end
endmodule
bind looping covers u_cover (.clk_i, .count_i(count_o));
"""
MAIN = """#include "Vlooping.h"
int main() {
  for (int model = 0; model < 2; ++model) {
    VerilatedContext context;
    Vlooping top{&context};
    for (int cycle = 0; cycle < 40; ++cycle) {
      top.rst_ni = cycle > 1;
      for (int level = 0; level < 2; ++level) {
        top.clk_i = level;
        top.eval();
      }
    }
    top.final();
  }
}
"""


class PointsTest(unittest.TestCase):
    def run_in(self, folder, *command, **environment):
        done = subprocess.run([str(word) for word in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_planted_holes_are_the_only_ones(self):
        with tempfile.TemporaryDirectory(prefix="systole-coverage-") as name:
            folder = pathlib.Path(name)
            (folder / "rtl").mkdir()
            (folder / "rtl" / "looping.sv").write_text(RTL)
            (folder / "main.cpp").write_text(MAIN)
            self.run_in(folder, "verilator", "--cc", "--no-timing", "-O3", "-fno-split", "-fno-reorder", "--top-module", "looping", "--prefix", "Vlooping", "--coverage-line",
                        "--coverage-user", "--coverage-toggle", "--Mdir", folder / "v", folder / "rtl" / "looping.sv")
            self.run_in(folder, "cmake", f"-DDIR={folder}/v", "-DPREFIX=Vlooping", "-DCOVERAGE=1", "-P", ROOT / "scripts/cmake/collect_verilated.cmake")
            self.run_in(folder, COMPILER, "-std=c++17", "-O0", "-w", "-faligned-new", "-DVM_COVERAGE=1", "-DVM_SC=0", "-DVM_TRACE=0", f"-I{folder}/v",
                        f"-I{INCLUDE}", f"-I{INCLUDE}/vltstd", f"-I{ROOT}", "-include", ROOT / "tb/cover/coverage_points.hpp", "main.cpp", "v/fast.cpp",
                        "v/slow.cpp", ROOT / "tb/cover/coverage_points.cpp", LIBRARY, "-lpthread", "-latomic", "-o", "program")
            (folder / "counts").mkdir()
            self.run_in(folder, folder / "program", SYSTOLE_COVERAGE_DIR=str(folder / "counts"))
            files = list((folder / "counts").iterdir())
            self.assertEqual([file.suffix for file in files], [".dat"])
            counts = coverage_points.Counts()
            counts.add(files[0].read_bytes())

        points = counts.points(folder)
        source = RTL.splitlines()
        lines = coverage_points.lines_of(points)["rtl/looping.sv"]
        code = {source[line - 1].strip(): count for line, count in lines.items()}
        self.assertEqual([text for text, count in code.items() if count == 0], ["if (count_o == W'(12)) begin", "stuck_o <= 1'b0;"])
        self.assertEqual(code["if (!rst_ni) count_o <= '0;"], 4)  # two cycles in each of two models
        self.assertEqual(code["else count_o <= next(count_o);"], 76)
        self.assertEqual(code["if (rst_ni) stuck_o <= 1'b1;"], 76)
        self.assertNotIn("always_ff @(posedge clk_i) stuck_o <= 1'b0;", code)  # not in this parametrisation
        self.assertEqual(code["if (x == W'(11)) next = '0;"], 2 * (38 // 12))

        bits = coverage_points.toggles_of(points)["rtl/looping.sv"]
        still = {bit for (_, bit), count in bits.items() if count == 0}
        self.assertEqual(still & {"stuck_o", "rst_ni", "clk_i", *(f"count_o[{bit}]" for bit in range(4))}, {"stuck_o", "rst_ni"})  # both rise only

        covers = coverage_points.covers_of(points, {"rtl/looping.sv": RTL})
        self.assertEqual({name: count > 0 for name, (_, _, count) in covers.items()}, {"reached[gen_n10]": True, "reached[gen_n12]": False})


if __name__ == "__main__":
    unittest.main()
