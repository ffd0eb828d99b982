"""Writes the table of values into the chart's README, from the comments of values.yaml.

    readme.py            writes
    readme.py --check    exits with 1 when the table is not up to date
"""

import json
import re
import sys
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "chatkeep"
BEGIN, END = "<!-- values: made by tests/chart/readme.py -->", "<!-- end of values -->"


def described(lines):
    """Keys with the comment above them: path, description. What has no comment is passed over."""
    path, comment = [], []
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment.append(stripped.removeprefix("# -- "))
            continue
        key = re.match(r"( *)([A-Za-z][\w-]*):", line)
        if key:
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                yield ".".join(path), " ".join(comment)
        comment = []


def value(values, path):
    for key in path.split("."):
        values = values[key]
    return values


def row(path, description, found):
    default = json.dumps(found, ensure_ascii=False)
    # What is itself a section, or long, is read in the file.
    if isinstance(found, dict) and found or len(default) > 60:
        default = "see `values.yaml`"
    else:
        default = f"`{default}`"
    return f"| `{path}` | {default} | {description} |"


def table():
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    rows = [row(path, description, value(values, path)) for path, description in described(text.splitlines())]
    return "\n".join(["| value | default | |", "|---|---|---|", *rows])


def main():
    readme = CHART / "README.md"
    before = readme.read_text()
    head, rest = before.split(BEGIN)
    tail = rest.split(END)[1]
    after = f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"
    if "--check" in sys.argv:
        if before != after:
            sys.exit("charts/chatkeep/README.md is not up to date: run tests/chart/readme.py")
    else:
        readme.write_text(after)


if __name__ == "__main__":
    main()
