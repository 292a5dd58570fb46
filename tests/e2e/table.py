"""Whether the tests that a table names are there."""
import pathlib
import re


def names_of_tests(file):
    """`Class.test` of a file of end-to-end tests."""
    names, current = set(), ""
    for line in pathlib.Path(file).read_text().splitlines():
        if found := re.match(r"class (\w+)", line):
            current = found[1]
        if found := re.match(r"    def (test_\w+)", line):
            names.add(f"{current}.{found[1]}")
    return names


def exists(test, file):
    """`Class.test` in the table's own file, `FILE: Class.test` in test_FILE.py, `FOLDER: case` in tests/unit/FOLDER."""
    here = pathlib.Path(file).resolve().parent
    if ": " not in test:
        return test in names_of_tests(file)
    place, name = test.split(": ", 1)
    e2e = here / f"test_{place}.py"
    if e2e.exists():
        return name in names_of_tests(e2e)
    return any(f'TEST_CASE("{name}"' in unit.read_text() for unit in (here.parent / "unit" / place).glob("*.cpp"))
