#!/usr/bin/env python3
"""Writes charts/chatkeep/dashboards/*.json from the files beside this one.

    deploy/dashboards/make.py            writes them
    deploy/dashboards/make.py --check    fails when they are not what would be written
"""

import json
import sys
from pathlib import Path

import overview
import source
import stage
import target
import traces

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / "charts/chatkeep/dashboards"


def main():
    made = {module.__name__: module.DASHBOARD for module in (overview, stage, traces, target, source)}
    wanted = {f"{name}.json": json.dumps(dashboard, indent=2) + "\n" for name, dashboard in made.items()}
    if "--check" not in sys.argv:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in wanted.items():
            (FOLDER / name).write_text(text)
        return 0
    found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    stale = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    for name in stale:
        print(f"{name}: not what deploy/dashboards/make.py writes", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
