#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the copy of rtl/ that holds all faults of plants.toml, each of them asleep until it is chosen by "+plant=NAME;".

    plant.py list [TABLE]            NAME<tab>what it is, a line each
    plant.py apply RTL OUT [TABLE]   writes the copy of folder RTL to OUT

TABLE is another file in plants.toml's place.

A text that is not found exactly once is an error: sources move on, and a fault that no longer applies must not pass as planted.
"""
import pathlib
import re
import sys
import tomllib

TABLE = pathlib.Path(__file__).resolve().parent / "plants.toml"


def plants(table):
    return tomllib.loads(table.read_text())["plant"]


def declare(text, signal, name):
    """Declares a signal behind the ports: 1 from the start if the fault is chosen."""
    head, body = text.split("\n);\n", 1)
    return f'{head}\n);\n  logic {signal} = 1\'b0;\n  initial {signal} = $test$plusargs("plant={name};") != 0;\n{body}'


def apply(source, target, table):
    texts = {path.relative_to(source): path.read_text() for path in sorted(source.rglob("*.sv"))}
    for plant in plants(table):
        signal = "planted_" + plant["name"]
        touched = set()
        for edit in plant["edits"]:
            path = pathlib.Path(edit["file"])
            count = texts.get(path, "").count(edit["find"])
            if count != 1:
                sys.exit(f"plant: {plant['name']}: the text to replace is found {count} times in {path}; bring {table.name} up to date: "
                         f"{edit['find']}")
            texts[path] = texts[path].replace(edit["find"], re.sub(r"\bplanted\b", signal, edit["put"]))
            touched.add(path)
        for path in touched:
            texts[path] = declare(texts[path], signal, plant["name"])
    for path, text in texts.items():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists() or copy.read_text() != text:
            copy.write_text(text)


def main(arguments):
    match arguments:
        case ["list", *table] if len(table) <= 1:
            for plant in plants(pathlib.Path(*table) if table else TABLE):
                print(f"{plant['name']}\t{plant['what']}")
        case ["apply", source, target, *table] if len(table) <= 1:
            apply(pathlib.Path(source), pathlib.Path(target), pathlib.Path(*table) if table else TABLE)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
