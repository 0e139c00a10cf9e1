# SPDX-License-Identifier: Apache-2.0
"""What nextpnr's JSON report says, as report.json and as text with the critical path in words."""
import re
from dataclasses import dataclass

from flow_boards import ROOT
from flow_errors import FlowError

# nextpnr's names of what report.json counts. The iCE40's logic cell is a table with a flip-flop; tables and flip-flops are counted by Yosys.
RESOURCES = {
    "ecp5": {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "bram": "DP16KD"},
    "ice40": {"logic_cells": "ICESTORM_LC", "dsp": "ICESTORM_DSP", "bram": "ICESTORM_RAM"},
}
TITLES = {"lut": "LUT4", "ff": "flip-flops", "dsp": "multipliers", "bram": "block RAMs"}
INSTANCE = re.compile(r"\b([a-z]\w*)\s*(?:#\s*\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)\s*)?(u_\w+)\s*\(")
MODULE = re.compile(r"^\s*module\s+(\w+)(.*?)^\s*endmodule", re.MULTILINE | re.DOTALL)
# What Yosys appends to the name of a net to name a cell at it, and nextpnr to the name of a cell.
CELL_SUFFIX = re.compile(r"(_(?:SB_\w+|TRELLIS_\w+|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D|DP16KD)_.*|\.[0-9.]+(?:_\w+)?|_(?:DFFLC|LC|DSP|RAM)|\$\w+)$")


@dataclass(frozen=True)
class Path:
    """nextpnr's critical path of a clock. Delays in ns; names are of the flattened design, made readable."""
    start: str
    end: str
    logic_ns: float
    routing_ns: float
    luts: int
    carries: int
    muxes: int
    multipliers: int

    def json(self):
        return {"from": self.start, "to": self.end, "logic_ns": round(self.logic_ns, 2), "routing_ns": round(self.routing_ns, 2),
                "lut_levels": self.luts, "carry_bits": self.carries, "wide_muxes": self.muxes, "multipliers": self.multipliers,
                "words": self.words()}

    def words(self):
        """One sentence."""
        through = [f"{number} {name}{'' if number == 1 else 's'}" for number, name in
                   ((self.luts, "LUT"), (self.carries, "carry bit"), (self.muxes, "wide multiplexer"), (self.multipliers, "multiplier")) if number]
        return (f"from {self.start} to {self.end}: {self.logic_ns + self.routing_ns:.1f} ns = {self.logic_ns:.1f} ns logic "
                f"({' and '.join(through) if through else 'nothing between'}) + {self.routing_ns:.1f} ns routing")


def hierarchy(sources):
    """{module: {instance: module}} of the sources."""
    table = {}
    for source in sources:
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", (ROOT / source).read_text(encoding="utf-8"), flags=re.DOTALL)
        for name, body in MODULE.findall(text):
            table[name] = {instance: module for module, instance in INSTANCE.findall(body)}
    return table


def place_of(name, top, table):
    """('systole_store', 'u_core.u_store', 'beat_q[3]') of u_core.u_store.gen_x.beat_q[3]: module, its instance, the rest."""
    words, module, instance = name.split("."), top, []
    rest, generated = [], []
    for word in words:
        inner = table.get(module, {}).get(word) if not rest else None
        if inner:
            instance += [*generated, word]
            module, generated = inner, []
        elif not rest and re.fullmatch(r"gen_\w+(\[\d+\])?", word):
            generated.append(word)
        else:
            rest.append(word)
    return module, ".".join(instance), ".".join([*generated, *rest])


def describe(name, kind, top, table):
    """'register beat_q[3] of systole_store (u_core.u_store)'."""
    module, instance, rest = place_of(name, top, table)
    where = f" of {module}" + (f" ({instance})" if instance else "")
    return f"{kind} {rest or 'of its own'}{where}"


def kind_of(port, cell):
    """What sort of cell a path begins or ends at."""
    if "DP16KD" in cell or re.fullmatch(r"(DO|DI|AD)[AB]\d+|(WE|CE|OCE|CS)[AB]\d*|R(DATA|ADDR)_?\d+|W(DATA|ADDR|CLKE?|E)_?\d*|RE|RCLKE", port):
        return "memory"
    if "MULT18X18D" in cell or "SB_MAC16" in cell and re.fullmatch(r"[ABCDO]_?\d+|.HOLD", port) or re.fullmatch(r"P\d+", port):
        return "multiplier"
    if "DPR16X4" in cell or re.fullmatch(r"W(D|AD)\d", port):
        return "distributed memory"
    return "register"


def stage_of(segment):
    """What a logic segment passes: lut, carry, mux or multiplier."""
    source, sink = segment["from"]["port"], segment["to"]["port"]
    if re.fullmatch(r"FCO|COUT|CO|LO", sink):
        return "carry"
    if sink.startswith("OFX"):
        return "mux"
    if re.fullmatch(r"P\d+|O_\d+", sink) and re.fullmatch(r"[A-D]_?\d+", source):
        return "multiplier"
    return "lut"


def readable(name):
    """A net's or cell's name without what the tools appended."""
    name = name.lstrip("\\")
    while (shorter := CELL_SUFFIX.sub("", name)) != name and shorter:
        name = shorter
    return name


def main_clock(report, wanted="clk"):
    """nextpnr's name of the design's clock: the net called `wanted` where there is one, else the one that is slowest for its target."""
    clocks = report["fmax"]
    if not clocks:
        raise FlowError("nextpnr reports no clock")
    for name in clocks:
        if name.removeprefix("$glbnet$") == wanted:
            return name
    return min(clocks, key=lambda name: clocks[name]["achieved"] / clocks[name]["constraint"])


def critical_path(report, clock, top, table):
    """The Path of the clock, or None if nextpnr reports none."""
    edge = re.compile(rf"(posedge|negedge) {re.escape(clock)}$")
    paths = [path["path"] for path in report["critical_paths"] if edge.match(path["from"]) and edge.match(path["to"])]
    if not paths:
        return None
    path = max(paths, key=lambda segments: sum(segment["delay"] for segment in segments))
    routing = [segment for segment in path if segment["type"] == "routing"]
    stages = [stage_of(segment) for segment in path if segment["type"] == "logic"]
    first, last = routing[0], routing[-1]
    return Path(
        start=describe(readable(first["net"]), kind_of(first["from"]["port"], first["from"]["cell"]), top, table),
        end=describe(readable(last["to"]["cell"]), kind_of(last["to"]["port"], last["to"]["cell"]), top, table),
        logic_ns=sum(segment["delay"] for segment in path if segment["type"] != "routing"),
        routing_ns=sum(segment["delay"] for segment in routing),
        luts=stages.count("lut"), carries=stages.count("carry"), muxes=stages.count("mux"), multipliers=stages.count("multiplier"))


def resources(report, family, cells):
    """{lut, ff, dsp, bram: {used, available}}; iCE40: also logic_cells."""
    found = {}
    for name, key in RESOURCES[family].items():
        if key not in report["utilization"]:
            raise FlowError(f"nextpnr reports no {key}")
        found[name] = {field: report["utilization"][key][field] for field in ("used", "available")}
    if family == "ice40":
        for name, begins in (("lut", "SB_LUT4"), ("ff", "SB_DFF")):
            used = sum(number for cell, number in cells.items() if cell.startswith(begins))
            found[name] = {"used": used, "available": found["logic_cells"]["available"]}
    return found


def peak(build):
    """GMAC/s at the clock that the design runs at: a row's element has two int8 multipliers, one for floating point."""
    parameters = build.configuration.parameters
    elements = parameters["Rows"] * parameters["Cols"] * float(build.clock_mhz) / 1000
    return {"int8": round(2 * elements, 3), **({"fp16": round(elements, 3), "bf16": round(elements, 3)} if parameters.get("Fp") else {})}


def report_json(build, tools, report, cells, multipliers, minutes):
    """report.json. `multipliers` is (multiplications in multipliers, in LUTs)."""
    clock = main_clock(report)
    path = critical_path(report, clock, build.board.top, hierarchy(build.board.sources()))
    fmax, needed = report["fmax"][clock]["achieved"], float(build.clock_mhz)
    # Other clocks (the oscillator's, before the PLL) have their own constraint.
    missed = [name for name, entry in report["fmax"].items() if entry["achieved"] < (needed if name == clock else entry["constraint"])]
    used = resources(report, build.board.family, cells)
    return {
        "board": build.board.name, "device": build.board.device, "config": build.array(), "fmax_mhz": round(fmax, 2),
        **{name: used[name] for name in (*TITLES, "logic_cells") if name in used},
        "seed": build.seed, "tools": tools.names,
        "target_mhz": build.target_mhz, "clock_mhz": round(needed, 6), "met": not missed,
        "multipliers": {"in_dsp": multipliers[0], "in_lut": multipliers[1]},
        "peak_gmacs": peak(build), "minutes": round(minutes, 1),
        "critical_path": path.json() if path else None,
        "parameters": build.parameters(), "cells": dict(sorted(cells.items())), "command": build.command(),
    }


def report_text(result):
    """report.txt: what report.json has, for people."""
    config = result["config"]
    kind = "int8, FP16, BF16" if config["fp"] else "int8"
    lines = [f"{result['board']} ({result['device']}): {config['rows']}x{config['cols']}, {kind}, configuration {config['name']}", ""]
    lines += [f"  {TITLES[name]:12} {result[name]['used']:7} of {result[name]['available']:7} {100 * result[name]['used'] / result[name]['available']:5.1f} %"
              for name in TITLES]
    if "logic_cells" in result:
        lines.append(f"  {'logic cells':12} {result['logic_cells']['used']:7} of {result['logic_cells']['available']:7} "
                     f"{100 * result['logic_cells']['used'] / result['logic_cells']['available']:5.1f} %  (a LUT4 and a flip-flop each)")
    soft = result["multipliers"]["in_lut"]
    lines.append(f"  multiplications: {result['multipliers']['in_dsp']} in multipliers, {soft} in LUTs")
    lines += ["", f"  clock        {result['clock_mhz']:g} MHz (target {result['target_mhz']:g} MHz), reached {result['fmax_mhz']:g} MHz: "
              + ("met" if result["met"] else "MISSED"),
              "  peak         " + ", ".join(f"{value:g} GMAC/s {name}" for name, value in result["peak_gmacs"].items()),
              f"  seed {result['seed']}, {result['minutes']:g} minutes, {result['tools']['yosys']}, {result['tools']['nextpnr']}"]
    if result["critical_path"]:
        lines += ["", "  critical path: " + result["critical_path"]["words"]]
    return "\n".join(lines) + "\n"
