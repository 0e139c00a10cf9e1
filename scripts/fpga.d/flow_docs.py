# SPDX-License-Identifier: Apache-2.0
"""The table of docs/fpga.md, from the report.json of every build below build/fpga."""
import json
import re

from flow_boards import ROOT
from flow_errors import BadInput

DOCUMENT = ROOT / "docs" / "fpga.md"
BEGIN, END = "<!-- fpga:table begin -->", "<!-- fpga:table end -->"
HEAD = ("board", "configuration", "LUT4", "FF", "multipliers (products in LUTs)", "block RAM", "target", "Fmax", "peak GMAC/s", "printed by")


def order_of(boards):
    return [(board.name, name) for board in boards.values() for name in board.configurations]


def used(entry):
    return f"{entry['used']:,} ({100 * entry['used'] / entry['available']:.0f} %)"


def row(result):
    peak, soft = result["peak_gmacs"], result["multipliers"]["in_lut"]
    speeds = f"{peak['int8']:.2f} int8" + (f", {peak['fp16']:.2f} FP16" if "fp16" in peak else "")
    return (result["board"], result["config"]["name"], used(result["lut"]), used(result["ff"]), f"{used(result['dsp'])} ({soft})", used(result["bram"]),
            f"{result['clock_mhz']:g} MHz", f"{result['fmax_mhz']:.1f} MHz{'' if result['met'] else ', missed'}", speeds, f"`{result['command']}`")


def table(results):
    """Markdown; the boards and configurations in the order given."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(row(result) for result in results)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def collected(boards, folder=ROOT / "build" / "fpga"):
    """(path, report) of each that is there, in the order of the table of boards. BadInput where one cannot be read."""
    found, order = [], order_of(boards)
    for path in sorted(folder.glob("*/report.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            key = result["board"], result["config"]["name"]
            row(result), result["seed"], result["target_mhz"], result["parameters"]["Baud"], result["tools"]["yosys"], result["tools"]["nextpnr"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: not what scripts/fpga writes ({error})") from error
        found.append((order.index(key) if key in order else len(order), path, result))
    return [(path, result) for _, path, result in sorted(found, key=lambda item: item[:2])]


def parse(text):
    """The table's rows in a document, as lists of cells; BadInput where the markers are missing or it is not of this format."""
    match = re.search(re.escape(BEGIN) + r"\n(.*?)" + re.escape(END), text, re.DOTALL)
    if not match:
        raise BadInput(f"no table between {BEGIN} and {END}")
    lines = [line for line in match[1].splitlines() if line.strip()]
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    if not rows or tuple(rows[0]) != HEAD or any(len(cells) != len(HEAD) for cells in rows):
        raise BadInput("the table is not in scripts/fpga's format: scripts/fpga --update-docs writes it anew")
    return rows[2:]


def update(results, boards, document=DOCUMENT):
    """Rows of `results` replace theirs in the document; other rows stay, so that a board that was not built now is not lost."""
    text = document.read_text(encoding="utf-8")
    fresh = {(cells[0], cells[1]): cells for cells in map(list, map(row, results))}
    kept = [cells for cells in parse(text) if (cells[0], cells[1]) not in fresh]
    order = {key: number for number, key in enumerate(order_of(boards))}
    rows = sorted([*kept, *fresh.values()], key=lambda cells: order.get((cells[0], cells[1]), len(order)))
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows)]
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    document.write_text(text[:begin] + "\n" + "\n".join(lines) + "\n" + text[end:], encoding="utf-8")
