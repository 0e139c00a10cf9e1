# SPDX-License-Identifier: Apache-2.0
"""Coverage points: what the processes of a run have written (tb/cover/coverage_points.cpp, in Verilator's format), added up, and what follows
for lines, branches, bits and covers."""
import collections
import re

# kind: line, branch, toggle or user; name: block, if, else, case, a bit, or the path of a cover
Point = collections.namedtuple("Point", "file line column kind name")


def parse_lines(text):
    """The numbers in "12-15,17"."""
    numbers = set()
    for part in text.split(","):
        if part:
            begin, _, end = part.partition("-")
            numbers.update(range(int(begin), int(end or begin) + 1))
    return numbers


class Counts:
    """Counts by the text of a point, so that adding a file to them costs no more than reading it."""

    def __init__(self):
        self.raw = collections.Counter()
        self.files = 0

    def add(self, text):
        """Adds a file's contents (bytes). @throws ValueError if it is none of a coverage file"""
        lines = text.splitlines()
        if not lines or not lines[0].startswith(b"# SystemC::Coverage"):
            raise ValueError("not a coverage file")
        raw = self.raw
        for line in lines[1:]:
            key, separator, count = line.rpartition(b"' ")
            if not separator or not key.startswith(b"C '"):
                raise ValueError(f"not a coverage point: {line[:100]!r}")
            raw[key] += int(count)
        self.files += 1

    def points(self, root):
        """{point: (count, lines it stands for)} of files below `root`. The same place in modules of several parametrisations is one point: it
        is passed if it is in any, and stands for the lines of all."""
        found = {}
        prefix = str(root).rstrip("/") + "/"
        for key, count in self.raw.items():
            field = dict(part.split("\2", 1) for part in key[3:].decode().split("\1") if part)
            if not field["f"].startswith(prefix):
                continue
            kind = field["page"].split("/")[0].removeprefix("v_")
            name = field.get("h", field["o"])
            point = Point(field["f"].removeprefix(prefix), int(field["l"]), int(field["n"]), kind, name)
            before, lines = found.get(point, (0, set()))
            found[point] = (before + count, lines | parse_lines(field.get("S", "")))
        return found


def lines_of(points):
    """{file: {line: count}}: a line counts as often as the least passed of the points that stand for it."""
    files = collections.defaultdict(dict)
    for point, (count, lines) in points.items():
        if point.kind in ("line", "branch"):
            for line in lines:
                files[point.file][line] = min(count, files[point.file].get(line, count))
    return files


def branches_of(points):
    """{file: {(line, column, name): count}}: turns that a decision takes, an `else` that is not written among them."""
    files = collections.defaultdict(dict)
    for point, (count, _) in points.items():
        if point.kind == "branch" or (point.kind == "line" and point.name != "block"):
            files[point.file][point.line, point.column, point.name] = count
    return files


def toggles_of(points):
    """{file: {(line, bit): count}}."""
    files = collections.defaultdict(dict)
    for point, (count, _) in points.items():
        if point.kind == "toggle":
            files[point.file][point.line, point.name] = files[point.file].get((point.line, point.name), 0) + count
    return files


def loop_names(source):
    """{label of a generate loop: names of its turns}, from comments `//= name name …` behind the loop's begin."""
    return {label: names.split() for label, names in re.findall(r"begin : (\w+)\s*//= (.+)", source)}


def cover_name(path, names):
    """A readable name of a cover's path below the module that holds it: `matmul_of[s8.s8, bias, k-inner]`."""
    turns = []
    for label, index in re.findall(r"(\w+?)__BRA__(\d+)__KET__", path):
        label = label.rpartition(".")[2]
        known = names.get(label, [])
        turns.append(known[int(index)] if int(index) < len(known) else f"{label}{index}")
    leaf = path.rpartition(".")[2]
    return leaf + (f"[{', '.join(turns)}]" if turns else "")


def covers_of(points, sources):
    """{name: (file, line, count)} of functional covers. `sources`: {file: text}"""
    covers = {}
    for point, (count, _) in points.items():
        if point.kind == "user":
            path = point.name.partition(".u_cover.")[2] or point.name
            name = cover_name(path, loop_names(sources[point.file]))
            before = covers[name][2] if name in covers else 0
            covers[name] = (point.file, point.line, before + count)
    return covers
