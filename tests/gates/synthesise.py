#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A netlist of ECP5 cells of the core alone, by the steps of scripts/fpga: synthesise.py FOLDER MULTIPLIERS [NAME=VALUE ...]

Writes FOLDER/netlist.json of the top `systole` with these parameters, for a device that has only so many multipliers: the other
multiplications go into tables and carry chains as on a board. Exit status 2, with a line on stderr, if it fails, or unless some
multiplications end up in multipliers and some in tables.

Environment: YOSYS, the program.
"""
import json
import os
import pathlib
import sys
from types import SimpleNamespace

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts" / "fpga.d"))
import flow_run  # noqa: E402
import flow_synth  # noqa: E402
from flow_errors import FlowError  # noqa: E402

TOP = "systole"
MINUTES = 1  # expected


def sources():
    """The core's files in order, as paths from the root."""
    lines = (ROOT / "rtl" / "systole.f").read_text(encoding="utf-8").splitlines()
    return [f"rtl/{line.strip()}" for line in lines if line.strip() and not line.lstrip().startswith("//")]


def main(folder, multipliers, *parameters):
    values = dict(word.split("=") for word in parameters)
    # The core without a board: what flow_synth asks of a flow_boards.Build, but none of a board's own parameters.
    board = SimpleNamespace(top=TOP, family="ecp5", sources=sources)
    build = SimpleNamespace(board=board, parameters=lambda: values, multipliers=lambda: int(multipliers))
    tools = SimpleNamespace(yosys=os.environ.get("YOSYS", "yosys"), environment=dict(os.environ))
    folder = pathlib.Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        cells, hard, soft = flow_synth.synthesise(build, tools, folder, lambda path: os.path.relpath(path, ROOT),
                                                  flow_run.Progress(MINUTES), flow_run.run)
        if not cells.get("MULT18X18D") or not soft:
            raise FlowError(f"{cells.get('MULT18X18D', 0)} multipliers and {soft} multiplications in tables: the test wants both; "
                            f"choose another number than {multipliers}")
        netlist = json.loads((folder / "netlist.json").read_text(encoding="utf-8"))["modules"][TOP]["cells"].values()
        registered = sum(cell["type"] == "MULT18X18D" and all(cell["parameters"].get(f"REG_{name}_CLK") == "CLK0" for name in ("INPUTA", "INPUTB", "OUTPUT"))
                         for cell in netlist)
        if not registered:
            raise FlowError("no multiplier took the registers around it: the test wants some")
    except FlowError as error:
        print(f"synthesise.py: {error}", file=sys.stderr)
        return 2
    print(f"{hard} multiplications in {cells['MULT18X18D']} multipliers, {soft} in tables; {registered} multipliers with registers")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
