#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of errors in docs/faults.md: each error of the specification has a row, each row's error exists and its tests are run.

Needs BUILD, a build with its tests, and CTEST in the environment."""
import os
import pathlib
import re
import subprocess
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def errors():
    """Code by name, without NONE."""
    spec = tomllib.loads((ROOT / "scripts" / "spec" / "systole.toml").read_text(encoding="utf-8"))
    values = next(enum["values"] for enum in spec["enum"] if enum["name"] == "error")
    return {value["name"]: value["value"] for value in values if value["value"] != 0}


def tests():
    """Suite.Name of all tests that ctest would run, without what parameters add to it."""
    listed = subprocess.run([os.environ["CTEST"], "--test-dir", os.environ["BUILD"], "-N"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return set(re.findall(r"^ *Test +#\d+: (?:\w+/)?(\w+\.\w+)", listed, re.M))


def complaints(document, codes, known):
    """What is wrong with the document's section Errors."""
    section = re.search(r"^## Errors$(.*?)(?=^## |\Z)", document, re.M | re.S)
    if not section:
        return ["no section Errors"]
    table = re.search(r"^\| code \|.*?(?=\n\n|\Z)", section[1], re.M | re.S)
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in (table[0].splitlines() if table else [])[2:]]
    found, rowed = [], set()
    for row in rows:
        if len(row) != 3 or not re.fullmatch(r"\d+ [A-Z_]+", row[0]) or not row[1]:
            found.append(f"malformed row: {' | '.join(row)}")
            continue
        code, name = row[0].split()
        if codes.get(name) != int(code):
            found.append(f"the specification has no error {row[0]}")
        names = re.findall(r"`([^`]+)`", row[2])
        if not names or re.sub(r"`[^`]+`(, )?", "", row[2]):
            found.append(f"{row[0]}: tests expected, not '{row[2]}'")
        else:
            rowed.add(name)
    found += [f"error {name} has no row" for name in codes if name not in rowed]
    found += [f"there is no test {name}" for name in re.findall(r"`(\w+(?:Test|Result)\.\w+)`", section[1]) if name not in known]
    return found


KNOWN = tests()


class ErrorTableTest(unittest.TestCase):
    def test_every_error_has_its_row_and_every_test_exists(self):
        self.assertEqual(complaints(DOCUMENT, errors(), KNOWN), [])

    def finds(self, document, codes, complaint):
        self.assertTrue(any(complaint in found for found in complaints(document, codes, KNOWN)), complaint)

    def test_finds_an_error_without_a_row(self):
        self.finds(DOCUMENT, {**errors(), "NEWEST": 99}, "error NEWEST has no row")
        lines = [line for line in DOCUMENT.splitlines() if not line.startswith("| 9 TOKEN ")]
        self.finds("\n".join(lines), errors(), "error TOKEN has no row")
        self.finds(DOCUMENT.replace("## Errors", "## Others"), errors(), "no section Errors")

    def test_finds_a_test_that_does_not_exist(self):
        self.finds(DOCUMENT.replace("TooManyTokensAreAnError", "TooManyTokensAreFine"), errors(),
                   "no test ErrorTest.TooManyTokensAreFine")
        self.finds(DOCUMENT.replace("DriverResult.Waiting", "DriverResult.Waited"), errors(), "no test DriverResult.Waited")

    def test_finds_a_wrong_code(self):
        self.finds(DOCUMENT.replace("| 9 TOKEN ", "| 8 TOKEN "), errors(), "no error 8 TOKEN")

    def test_finds_a_row_without_a_test(self):
        self.finds(re.sub(r"(\| 9 TOKEN \|.*\|) `.*\|", r"\1 none |", DOCUMENT), errors(), "9 TOKEN: tests expected")


if __name__ == "__main__":
    unittest.main()
