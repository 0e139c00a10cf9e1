# SPDX-License-Identifier: Apache-2.0
"""Holes: lines and covers that no test reaches, and their explanations in holes.toml. A hole without an explanation is a failure, and so is an
explanation without its hole."""
import collections
import tomllib

Hole = collections.namedtuple("Hole", "place what reason")  # reason: None if there is none


def read(path):
    """The explanations. @throws ValueError if something is missing in one"""
    with open(path, "rb") as file:
        table = tomllib.load(file)
    wanted = {"line": {"file", "code", "lines", "reason"}, "cover": {"names", "reason"}}
    for kind, entries in table.items():
        if kind not in wanted:
            raise ValueError(f"{path}: [[{kind}]] is neither line nor cover")
        for entry in entries:
            if set(entry) != wanted[kind] or not entry["reason"].strip():
                raise ValueError(f"{path}: a [[{kind}]] has {', '.join(sorted(wanted[kind]))}, not {', '.join(sorted(entry))}")
    return {kind: table.get(kind, []) for kind in wanted}


def check_lines(lines, sources, entries):
    """Uncovered lines, told by their text: numbers move. @returns holes, complaints
    `lines`: {file: {line: count}}; `sources`: {file: text}; `entries`: [[line]] of holes.toml"""
    holes, complaints = [], []
    left = {(entry["file"], entry["code"]): entry["lines"] for entry in entries}
    if len(left) != len(entries):
        complaints.append("holes.toml explains a line twice")
    reasons = {(entry["file"], entry["code"]): entry["reason"] for entry in entries}
    for file in sorted(lines):
        text = sources[file].splitlines()
        for line in sorted(number for number, count in lines[file].items() if count == 0):
            code = text[line - 1].strip()
            key = (file, code)
            reason = reasons[key] if left.get(key, 0) > 0 else None
            holes.append(Hole(f"{file}:{line}", code, reason))
            if reason is None:
                complaints.append(f"{file}:{line}: never executed, and no explanation: {code}")
            else:
                left[key] -= 1
    for (file, code), count in left.items():
        if count:
            complaints.append(f"{file}: holes.toml explains {count} line(s) more than are uncovered: {code}")
    return holes, complaints


def check_covers(covers, entries):
    """@returns holes, complaints. `covers`: {name: (file, line, count)}; `entries`: [[cover]] of holes.toml"""
    holes, complaints = [], []
    reasons = {}
    for entry in entries:
        for name in entry["names"]:
            if name in reasons:
                complaints.append(f"holes.toml explains the cover {name} twice")
            reasons[name] = entry["reason"]
    for name, (file, line, count) in sorted(covers.items(), key=lambda item: (item[1][:2], item[0])):
        if count == 0:
            holes.append(Hole(f"{file}:{line}", name, reasons.get(name)))
            if name not in reasons:
                complaints.append(f"{file}:{line}: never happened, and no explanation: {name}")
        elif name in reasons:
            complaints.append(f"holes.toml explains the cover {name}, which happened")
    for name in reasons:
        if name not in covers:
            complaints.append(f"holes.toml explains the cover {name}, which does not exist")
    return holes, complaints


def table(entries):
    """The explanations as the Markdown table of docs/verification_plan.md."""
    rows = ["| hole | where | why |", "| --- | --- | --- |"]
    for entry in entries["line"]:
        code = entry["code"].replace("|", "\\|")
        rows.append(f"| `{code}`{' (' + str(entry['lines']) + ' lines)' if entry['lines'] > 1 else ''} | {entry['file']} | {entry['reason']} |")
    for entry in entries["cover"]:
        rows.append(f"| {', '.join(f'`{name}`' for name in entry['names'])} | covers | {entry['reason']} |")
    return "\n".join(rows) + "\n"
