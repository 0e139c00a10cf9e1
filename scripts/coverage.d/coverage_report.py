# SPDX-License-Identifier: Apache-2.0
"""What is made of the counts: lcov's format for genhtml, a page of tables beside its own, and the text."""
import html
import re


def percent(covered, total):
    """Rounded down, so that 100.0 means all."""
    return "-" if total == 0 else f"{covered * 1000 // total / 10:.1f}"


def share(counts):
    """@returns covered, total"""
    return sum(count > 0 for count in counts), len(counts)


def info(root, lines, branches, covers):
    """lcov's tracefile: lines, branches, and covers as functions of the file that holds them."""
    out = []
    cover_files = {file for file, _, _ in covers.values()}
    for file in sorted(set(lines) | cover_files):
        out += ["TN:", f"SF:{root}/{file}"]
        own = sorted((line, name, count) for name, (where, line, count) in covers.items() if where == file)
        out += [f"FN:{line},{name}" for line, name, _ in own]
        out += [f"FNDA:{count},{name}" for _, name, count in own]
        for number, ((line, _, _), count) in enumerate(sorted(branches.get(file, {}).items())):
            out.append(f"BRDA:{line},0,{number},{count}")
        shown = dict(lines.get(file, {}))
        for line, _, count in own:
            shown[line] = min(count, shown.get(line, count))
        out += [f"DA:{line},{count}" for line, count in sorted(shown.items())]
        out.append("end_of_record")
    return "\n".join(out) + "\n"


def rows(files, lines, branches, toggles):
    """A row a file and one for all: name, then (covered, total) of lines, branches and bits."""
    parts = (lines, branches, toggles)
    table = [(file, *(share(list(part.get(file, {}).values())) for part in parts)) for file in files]
    return table + [("all", *(tuple(sum(row[i][j] for row in table) for j in (0, 1)) for i in (1, 2, 3)))]


def text_table(table):
    width = max(len(row[0]) for row in table)
    out = [f"{'':{width}}  {'lines':>20}  {'branches':>20}  {'bits toggled':>20}"]
    for name, *shares in table:
        cells = [f"{percent(*s) + (' %' if s[1] else ''):>8} {f'{s[0]}/{s[1]}' if s[1] else '':>11}" for s in shares]
        out.append(f"{name:{width}}  {'  '.join(cells)}")
    return "\n".join(out)


def signals(toggles):
    """Bits that never changed, by signal: [(file, line, signal, bits that did not, bits)]."""
    found = {}
    for file, bits in toggles.items():
        for (line, bit), count in bits.items():
            key = (file, line, re.sub(r"(\[\d+\])+$", "", bit))
            still, all_bits = found.get(key, (0, 0))
            found[key] = (still + (count == 0), all_bits + 1)
    return [(*key, still, bits) for key, (still, bits) in sorted(found.items()) if still]


def page(table, line_holes, cover_holes, covers, branches, toggles, sources, complaints):
    """report.html: tables, holes with their reasons, covers, decisions with one turn, still bits."""
    def cell(value, tag="td", attributes=""):
        return f"<{tag}{attributes}>{html.escape(str(value))}</{tag}>"

    def make(headings, body):
        head = "".join(cell(heading, "th") for heading in headings)
        return f"<table><tr>{head}</tr>" + "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in body) + "</table>"

    def code(file, line):
        return sources[file].splitlines()[line - 1].strip()

    out = ["<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>Systole: coverage</title><style>body{font:14px sans-serif;margin:2em}"
           "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:2px 8px;text-align:left}th{background:#eee}</style>",
           "<h1>Coverage of rtl/</h1><p><a href='index.html'>Sources with their counts</a></p>"]
    if complaints:
        out.append("<h2>Failures</h2><ul>" + "".join(cell(complaint, "li") for complaint in complaints) + "</ul>")
    shares = [(name, *(f"{percent(*s)} % ({s[0]}/{s[1]})" if s[1] else "-" for s in part)) for name, *part in table]
    out += ["<h2>Files</h2>", make(("file", "lines", "branches", "bits toggled"), shares)]
    out += ["<h2>Lines never executed</h2>", make(("line", "", "why"), [(h.place, h.what, h.reason or "NOT EXPLAINED") for h in line_holes])]
    out += ["<h2>Covers that never happened</h2>", make(("cover", "", "why"), [(h.what, h.place, h.reason or "NOT EXPLAINED") for h in cover_holes])]
    out += [f"<h2>Covers ({len(covers)})</h2>", make(("cover", "cycles"), [(name, count) for name, (_, _, count) in covers.items()])]
    never = [(f"{file}:{line}", name, code(file, line)) for file in sorted(branches)
             for (line, _, name), count in sorted(branches[file].items()) if count == 0]
    out += ["<h2>Branches never taken</h2>", make(("line", "branch", ""), never)]
    out += ["<h2>Bits that did not both rise and fall</h2>",
            make(("declared at", "signal", "bits"), [(f"{file}:{line}", name, f"{still} of {bits}") for file, line, name, still, bits in signals(toggles)])]
    return "\n".join(out) + "</html>\n"
