#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The four-state run (xrun_tb.sv) of a small machine in Icarus.

    xrun.py IMAGE CONFIG     runs it: exit 0 only if it says PASS
    xrun.py IMAGE planted    with one register's reset left out at a time: exit 0 only if each fault is caught as PLANTS says

IMAGE is the program xrun_image. A text that is not found exactly once is an error: sources move on.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
PARAMETERS = {"4x4-int8": {"Fp": 0}, "4x4": {"Fp": 1}}
# Nothing times X is X in the language, and nothing in hardware: a weight beyond K is 0, the activation that it meets whatever lay behind
# the row in memory. In floating point that goes further, by comparisons; there K leaves no such weight.
ZERO_WEIGHTS = (
    ("compute/systole_array.sv", "first[r][c]  = $signed", "first[r][c]  = factor_b[r][c][OpW-1:0] === '0 ? 32'sd0 : $signed"),
    ("compute/systole_array.sv", "second[r][c] = $signed", "second[r][c] = factor_b[r][c][LaneW-1:OpW] === '0 ? 32'sd0 : $signed"),
)
# Name, file, text, what to put in its place, what the run must say.
PLANTS = (
    ("fetch_valid_without_reset", "control/systole_fetch.sv", "      ar_valid_o <= 1'b0;\n      ar_addr_o  <= '0;",
     "      ar_addr_o  <= '0;", r"FAIL: cycle \d+: X on m_axi_\w+_o"),
    ("token_without_reset", "control/systole_tokens.sv", "      avail_o <= '0;\n", "", r"FAIL: cycle \d+: (X on|no interrupt)"),
    ("fifo_pointers_without_reset", "common/systole_fifo.sv", "      write_q <= '0;\n      read_q  <= '0;\n", "",
     r"FAIL: cycle \d+: (X on|no interrupt)"),
    ("failed_without_reset", "store/systole_store_answers.sv", "      failed_q <= 1'b0;\n", "", r"FAIL: cycle \d+: (X on|no interrupt)"),
)


class RunError(Exception):
    """What went wrong, in a line."""


def rtl_files():
    lines = (ROOT / "rtl" / "systole.f").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip().endswith(".sv") and not line.startswith("//")]


def simulate(image, config, folder, edits):
    """What the run with these edits of the RTL, (file, text, replacement), prints."""
    done = subprocess.run([image, config, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError(done.stderr.strip() or f"{image}: exit {done.returncode}")
    sources = {name: (ROOT / "rtl" / name).read_text(encoding="utf-8") for name in rtl_files()}
    for name, text, put in edits:
        if sources[name].count(text) != 1:
            raise RunError(f"the text to replace is found {sources[name].count(text)} times in {name}: {text!r}")
        sources[name] = sources[name].replace(text, put)
    files = []
    for name, text in sources.items():
        files.append(pathlib.Path(folder, pathlib.Path(name).name))
        files[-1].write_text(text, encoding="utf-8")
    program = pathlib.Path(folder, "xrun.vvp")
    compiled = subprocess.run([os.environ.get("IVERILOG", "iverilog"), "-g2012", "-s", "xrun_tb", "-o", program,
                               *(f"-Pxrun_tb.{key}={value}" for key, value in PARAMETERS[config].items()), *files,
                               HERE / "xrun_tb.sv"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if compiled.returncode:
        raise RunError("iverilog fails:\n" + "\n".join(line for line in compiled.stdout.splitlines() if "sorry" not in line))
    return subprocess.run(["vvp", "-n", program, f"+folder={folder}", f"+records={done.stdout.strip()}"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout


def main(arguments):
    if len(arguments) != 2 or arguments[1] not in (*PARAMETERS, "planted"):
        print(f"usage: xrun.py IMAGE {'|'.join(PARAMETERS)}|planted", file=sys.stderr)
        return 2
    image, config = arguments
    runs = ([(name, "4x4-int8", [(file, text, put)], shows) for name, file, text, put, shows in PLANTS] if config == "planted"
            else [(config, config, [], r"^PASS: \d+ cycles")])
    for name, machine, plant, shows in runs:
        with tempfile.TemporaryDirectory(prefix="systole-xrun-") as folder:
            try:
                output = simulate(image, machine, folder, [*ZERO_WEIGHTS, *plant])
            except RunError as error:
                print(f"{name}: {error}", file=sys.stderr)
                return 1
        print(f"{name}:\n{output}", end="")
        if not re.search(shows, output, re.MULTILINE) or ("PASS" if plant else "FAIL") in output:
            print(f"{name}: the output does not say /{shows}/", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
