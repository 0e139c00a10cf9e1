# SPDX-License-Identifier: Apache-2.0
"""Place and route by nextpnr, and packing to a bitstream."""
import json
import re


def nextpnr_status(line):
    """Where nextpnr is, of a line of its log."""
    if match := re.search(r"at iteration #(\d+), type ALL", line):
        return f"placing, iteration {match[1]}"
    if match := re.search(r"at iteration #(\d+): temp", line):
        return f"refining the placement, iteration {match[1]}"
    if match := re.search(r"iter=(\d+) wires=\d+ overused=(\d+)", line):
        return f"routing, iteration {match[1]}, {match[2]} wires shared"
    if match := re.match(r"Info: Routing (\d+) arcs", line):
        return f"routing {match[1]} arcs"
    if match := re.match(r"Info:\s+(\d+) \|\s+\d+\s+\d+ \|\s+\d+\s+\d+ \|\s+(\d+)\|", line):
        return f"routing, {match[2]} arcs left"
    return None


def commands(build, tools, folder, relative):
    """(nextpnr's command, the packer's, the bitstream's path). The clock constraint is what the design will run at."""
    board = build.board
    netlist, report = relative(folder / "netlist.json"), relative(folder / "nextpnr.json")
    common = ["--json", netlist, "--freq", f"{float(build.clock_mhz):.6f}", "--seed", build.seed, "--report", report,
              # A missed target still gives a bitstream; scripts/fpga says so and exits with 1.
              "--timing-allow-fail"]
    if board.family == "ice40":
        image, bitstream = folder / f"{board.name}.asc", folder / f"{board.name}.bin"
        return ([tools.nextpnr, board.nextpnr, "--package", board.package, "--pcf", board.constraints, "--asc", relative(image), *common],
                [tools.pack, relative(image), relative(bitstream)], bitstream)
    image, bitstream = folder / f"{board.name}.config", folder / f"{board.name}.bit"
    return ([tools.nextpnr, board.nextpnr, "--package", board.package, "--speed", board.speed, "--lpf", board.constraints,
             "--textcfg", relative(image), *common],
            [tools.pack, "--compress", relative(image), relative(bitstream)], bitstream)


def place(build, tools, folder, relative, progress, run):
    """nextpnr's report, parsed, and the path of the bitstream."""
    place_and_route, pack, bitstream = commands(build, tools, folder, relative)
    run(place_and_route, folder / "nextpnr.log", progress, "place and route", environment=tools.environment, status_of=nextpnr_status)
    run(pack, folder / "pack.log", progress, "packing", environment=tools.environment)
    return json.loads((folder / "nextpnr.json").read_text(encoding="utf-8")), bitstream
