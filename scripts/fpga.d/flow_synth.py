# SPDX-License-Identifier: Apache-2.0
"""Synthesis by Yosys in two steps, so that as many multiplications as the device has multipliers get one.

1. Read, elaborate, flatten and narrow the design to a netlist of words (netlist.il); count the multiplier blocks that its
   multiplications would take.
2. Where the device has fewer, make so many of the narrowest multiplications (the array's int8 products) cells of another type, which
   nothing in synth_ecp5 or synth_ice40 knows, and map these with flow_mul.py's carry chains behind the coarse step.
"""
import json
import re
from dataclasses import dataclass

import flow_dsp
import flow_mul
from flow_errors import FlowError
from flow_mul import Shape


@dataclass(frozen=True)
class Family:
    synth: str       # of Yosys, with its options
    coarse: str      # its label behind reading and elaboration
    mul2dsp: str     # as synth calls it
    widest: int      # operands that one multiplier takes
    product: int     # products narrower than this go to LUTs anyway
    block: str       # cell type of a multiplier
    infer: tuple     # what makes multipliers of multiplications, where synth is not to do it


FAMILIES = {
    "ecp5": Family("synth_ecp5 -nowidelut", "coarse", "-D DSP_A_MAXWIDTH=18 -D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 "
                   "-D DSP_NAME=$__MUL18X18", 18, 0, "MULT18X18D", ()),
    "ice40": Family("synth_ice40 -device u", "flatten", "-D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16 -D DSP_A_MINWIDTH=2 "
                    "-D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=11 -D DSP_NAME=$__MUL16X16", 16, 11, "SB_MAC16",
                    # Not synth_ice40's -dsp: its pass ice40_dsp (Yosys 0.23) draws a product's register into the multiplier before it and, as the
                    # addend's, into the one behind it; the first then drives nothing and is removed, and the sum is wrong.
                    ("techmap -map +/mul2dsp.v -map +/ice40/dsp_map.v -D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16 -D DSP_A_MINWIDTH=2 "
                     "-D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=11 -D DSP_NAME=$__MUL16X16", "chtype -set $mul t:$__soft_mul")),
}


def elaborate_script(build, family, netlist, count):
    """Step 1. The commands are those with which synth's coarse step begins, so that doing it again changes nothing."""
    top = build.board.top
    parameters = " ".join(f"-set {name} {value}" for name, value in build.parameters().items())
    return "; ".join((
        f"read_verilog -sv {' '.join(build.board.sources())}", f"chparam {parameters} {top}",
        f"{family.synth} -top {top} -run begin:{family.coarse}", f"rename -top {top}",
        "proc; flatten; opt_expr; opt_clean; opt -nodffe -nosdff; fsm; opt; wreduce; peepopt; opt_clean",
        f"select -module {top}; write_rtlil -selected {netlist}; select -clear",
        f"techmap -map +/mul2dsp.v {family.mul2dsp}", f"tee -q -o {count} stat -json -top {top}"))


def synthesise_script(build, family, netlist, blackboxes, mapping, result, count):
    """Step 2."""
    synth = f"{family.synth} -top {build.board.top} -json {result} -run"
    return "; ".join((f"read_verilog -lib {blackboxes}", f"read_rtlil {netlist}", f"{synth} begin:{family.coarse}", *family.infer,
                      f"{synth} {family.coarse}:map_ram", f"techmap -map {mapping}; opt_clean", f"{synth} map_ram:", f"tee -q -o {count} stat -json -top {build.board.top}"))


def cells(path):
    """{cell type: how many} of a file that Yosys's `stat -json` wrote."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text[text.index("{"):])["design"]["num_cells_by_type"]


CELL = re.compile(r"^(\s*)cell \$mul (\S+)$")
PARAMETER = re.compile(r"^\s*parameter (?:signed )?\\(A_WIDTH|A_SIGNED|B_WIDTH|B_SIGNED|Y_WIDTH) (?:\d+'([01]+)|(\d+))$")


def multiplications(lines):
    """(line number of the cell, flow_mul.Shape) of every multiplication in RTLIL."""
    found, number, values = [], None, {}
    for position, line in enumerate(lines):
        if CELL.match(line):
            number, values = position, {}
        elif number is not None and (match := PARAMETER.match(line)):
            values[match[1]] = int(match[2], 2) if match[2] else int(match[3])
        elif number is not None and line.strip() == "end":
            found.append((number, Shape(values["A_WIDTH"], bool(values["A_SIGNED"]), values["B_WIDTH"], bool(values["B_SIGNED"]),
                                        values["Y_WIDTH"])))
            number = None
    return found


def soften(lines, how_many, family):
    """The same RTLIL with the `how_many` narrowest multiplications, of those that take one multiplier each, turned into cells of
    their shape's name; and these shapes. Of equal ones those of one line of the sources go first: of each element of the array the same."""
    def source(number):
        return next((line for line in reversed(lines[:number][-8:]) if line.lstrip().startswith("attribute \\src ")), "")
    narrow = sorted(((shape.a * shape.b, source(number), number, shape) for number, shape in multiplications(lines)
                     if family.widest >= max(shape.a, shape.b) and min(shape.a, shape.b) > 2 and shape.y >= family.product),
                    key=lambda item: item[:3])
    if len(narrow) < how_many:
        raise FlowError(f"{how_many} multiplications would have to go into LUTs, and only {len(narrow)} are narrow enough: "
                        f"choose a smaller configuration")
    result = list(lines)
    for _, _, number, shape in narrow[:how_many]:
        result[number] = CELL.sub(lambda match, shape=shape: f"{match[1]}cell \\{shape.name()} {match[2]}", result[number])
    return result, list(dict.fromkeys(shape for *_, shape in narrow[:how_many]))


def refuse_undriven(log):
    """FlowError where Yosys found a wire without a driver: something that the design needs was removed, and the netlist computes nonsense."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("Warning: Wire ") and "is used but has no driver" in line:
            raise FlowError(f"the netlist is broken: {line.removeprefix('Warning: ')} Log: {log}")


def yosys_status(line):
    """'ABC' of Yosys's '4.2.13. Executing ABC pass (…).'."""
    match = re.match(r"[\d.]+\. Executing (\S+) pass", line)
    return match[1] if match else None


def synthesise(build, tools, folder, relative, progress, run):
    """Writes netlist.json into the folder; returns (cells by type, multiplications in multipliers, multiplications in LUTs).
    `relative(path)` is how a tool is told of a file, `run` is flow_run.run."""
    family = FAMILIES[build.board.family]
    netlist, chosen, result = folder / "netlist.il", folder / "netlist_chosen.il", folder / "netlist.json"
    blackboxes, mapping = folder / "soft_mul_lib.v", folder / "soft_mul.v"
    count, log = folder / "cells.json", folder / "yosys.log"

    def yosys(script, phase, log):
        run([tools.yosys, "-p", script], log, progress, phase, environment=tools.environment, status_of=yosys_status)

    yosys(elaborate_script(build, family, relative(netlist), relative(count)), "elaborating", folder / "yosys_elaborate.log")
    block = re.search(r"DSP_NAME=(\S+)", family.mul2dsp)[1]
    lines = netlist.read_text(encoding="utf-8").splitlines()
    total, available = len(multiplications(lines)), build.multipliers()
    soft = max(0, cells(count).get(block, 0) - available)
    while True:
        if soft:
            progress.say(f"{total} multiplications, {available} multipliers to take: {soft} narrow ones go into LUTs")
        changed, shapes = soften(lines, soft, family)
        chosen.write_text("\n".join(changed) + "\n", encoding="utf-8")
        blackboxes.write_text("".join(shape.blackbox() for shape in shapes), encoding="utf-8")
        mapping.write_text(flow_mul.verilog(shapes, build.board.family), encoding="utf-8")
        yosys(synthesise_script(build, family, *map(relative, (chosen, blackboxes, mapping, result, count))), "synthesising", log)
        refuse_undriven(log)
        by_type = cells(count)
        more = by_type.get(family.block, 0) - available
        if more <= 0:
            break
        soft += more
    for path in (netlist, chosen, blackboxes):
        path.unlink()
    by_type = {name.lstrip("\\"): number for name, number in by_type.items()}
    if family.block == flow_dsp.BLOCK:
        operands, products, gone = flow_dsp.absorb(result, build.board.top)
        by_type[flow_dsp.FLIP_FLOP] = by_type.get(flow_dsp.FLIP_FLOP, 0) - gone
        progress.say(f"{operands} multipliers take their operands' registers, {products} their product's: {gone} flip-flops less")
    return by_type, total - soft, soft
