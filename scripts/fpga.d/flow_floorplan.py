# SPDX-License-Identifier: Apache-2.0
"""Places for the array's multipliers on a device that has them in a few rows.

nextpnr's analytic placer takes nearly all of a device's multipliers one by one, each where one is still free, and the elements follow
them over the whole chip. With the multipliers' places given, the rest settles around them.

Array columns are shared out among the device's rows of multipliers; array rows go along x. Sums fall from row to row and
return to the accumulators from the last: even rows lie on the way out, odd ones on the way back between them, so that no step is
longer than two rows and both ends are side by side.
"""
import json
import re

BLOCK = "MULT18X18D"
SITES = ("MULT18_0", "MULT18_1", "MULT18_4", "MULT18_5")  # of each group of four
PRODUCT = re.compile(r"u_array\.(?:gen_int\.array\.(?P<int>first|second)\[(?P<element>\d+)\]|"
                     r"gen_float\.gen_row\[(?P<row>\d+)\]\.u_row\.row\.(?P<float>low|high)\[(?P<column>\d+)\])")


def elements(module, columns):
    """{(array row, column): its multipliers' cells, in the order of their operands}."""
    names = {}
    for name, net in module["netnames"].items():
        if match := PRODUCT.search(name):
            for bit in net["bits"]:
                names.setdefault(bit, match)
    found = {}
    for name, cell in module["cells"].items():
        match = names.get(cell["connections"].get("P0", [None])[0]) if cell["type"] == BLOCK else None
        if match is None:
            continue
        where = divmod(int(match["element"]), columns) if match["int"] else (int(match["row"]), int(match["column"]))
        found.setdefault(where, []).append((match["int"] or match["float"], name))
    return {where: [name for _, name in sorted(cells, key=lambda item: item[0] in ("second", "high"))] for where, cells in found.items()}


def folded(row, rows):
    """Where array row `row` lies along x."""
    return 2 * row if 2 * row < rows else 2 * (rows - row) - 1


def place(design, top, rows, columns, sites):
    """Gives the array's multipliers of a netlist (Yosys's JSON) places in `sites`, {"x": […], "y": […]}, a device's; returns how many
    multipliers have got one, 0 if they do not fit there. Beside the ends of the array, at the greatest x, are those of the others."""
    module = design["modules"][top]
    found = elements(module, columns)
    if not found:
        return 0
    each = -(-columns // len(sites["y"]))  # array columns of one row of multipliers
    stride = each * max(map(len, found.values()))
    if stride * rows > len(sites["x"]):
        return 0
    places, first = {}, stride * rows - 1
    for (row, column), cells in found.items():
        for number, name in enumerate(cells):
            places[name] = (first - folded(row, rows) * stride - column % each * (stride // each) - number, sites["y"][column // each])
    # By module, the store's next to the accumulators first; four lie together.
    free = sorted({(index, y) for y in sites["y"] for index in range(len(sites["x"]))} - set(places.values()),
                  key=lambda site: (-(site[0] // len(SITES)), -site[1], -site[0]))
    others = sorted((name for name, cell in module["cells"].items() if cell["type"] == BLOCK and name not in places), reverse=True)
    places.update(zip(others, free))
    for name, (index, y) in places.items():
        module["cells"][name]["attributes"]["BEL"] = f"X{sites['x'][index]}/Y{y}/{SITES[index % len(SITES)]}"
    return len(places)


def apply(build, path):
    """Rewrites the netlist in the file for a board that has `multiplier_sites`; returns what place() does."""
    if not build.board.multiplier_sites:
        return 0
    design, parameters = json.loads(path.read_text(encoding="utf-8")), build.parameters()
    placed = place(design, build.board.top, parameters["Rows"], parameters["Cols"], build.board.multiplier_sites)
    if placed:
        path.write_text(json.dumps(design), encoding="utf-8")
    return placed
