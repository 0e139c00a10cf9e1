# SPDX-License-Identifier: Apache-2.0
"""What a result depends on, and whether a report is what the present sources and the table of boards give."""
import hashlib
import json
import pathlib
import re

import flow_boards
import flow_tools
from flow_errors import BadInput

FLOW = pathlib.Path(__file__).resolve().parent
# Up to its own end; one that has a conditional or an `else in it counts as what it is.
FORMAL = re.compile(rb"^[ \t]*`ifdef[ \t]+FORMAL\b(?:(?!`(?:ifdef|ifndef|elsif|else|endif)\b).)*`endif\b", re.MULTILINE | re.DOTALL)


def text_of(path):
    """What counts of a file: all of it, but of SystemVerilog not its comments, empty lines, indentation and proofs (`ifdef FORMAL)."""
    data = path.read_bytes()
    if path.suffix != ".sv":
        return data
    lines = (line.strip() for line in FORMAL.sub(b"", re.sub(rb"//[^\n]*", b"", data)).splitlines())
    return b"\n".join(line for line in lines if line)


def inputs_of(build, names):
    """A hash of everything that decides the result; `names` is what the tools call themselves (Tools.names)."""
    board = build.board
    device = [board.family, board.device, board.nextpnr, board.package, board.speed, board.top, board.available,
              board.multiplier_sites]
    digest = hashlib.sha256(json.dumps([build.parameters(), build.multipliers(), build.seed, names, float(build.clock_mhz), device], sort_keys=True).encode())
    for path in (*(flow_boards.ROOT / source for source in (*board.sources(), board.constraints)), *sorted(FLOW.glob("*.py"))):
        digest.update(hashlib.sha256(text_of(path)).digest())
    return digest.hexdigest()


def why_not(result, known):
    """Why a report (report.json's object, with what flow_docs needs) is not what its board and configuration give with the present sources, the seed, clock and
    baud rate of the table of boards, and tools as the flow takes by itself; None if it is."""
    try:
        build = flow_boards.build_of(flow_boards.find(result["board"], known), result["config"]["name"])
        build.board.sources()
    except BadInput as error:
        return str(error)
    board = build.board
    for what, given, wanted in (("seed", result["seed"], build.seed),
                                ("target", f"{result['target_mhz']:g} MHz", f"{build.target_mhz:g} MHz"),
                                ("baud rate", result["parameters"]["Baud"], build.baud)):
        if given != wanted:
            return f"its {what} is {given}, the default {wanted}"
    if not flow_tools.new_enough(board.family, result["tools"]):
        return f"{result['tools']['yosys']} and {result['tools']['nextpnr']} are older than what the flow takes by itself"
    if result.get("inputs") != inputs_of(build, result["tools"]):
        return "the sources, constraints, parameters or the flow have changed since"
    return None
