"""A mail's Message-ID leads to its traces in what keeps them.

    tests/traces --programs DIR --telemetry DIR

Archives the sample company with the distributed system of deploy/local, takes a mail out of Dovecot, asks
`chatkeep item` for the traces it went by, and looks for them in Jaeger; where DIR of the programs of
telemetry holds Tempo, in Tempo too, with the settings that compose mounts and the queries of the dashboards.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from email import message_from_bytes
from pathlib import Path

from backends import REPOSITORY, Jaeger, Tempo, wait_for

# By what the command says of a trace: spans that it must have.
RENDERED = [("ingestion", "process ingestion"), ("conversion", "process conversion"), ("mapping", "process mapping")]
SETTLED = [("control", "publish mailbox-import"), ("mailbox-import", "process mailbox-import")]


def message_id(folder):
    """That of a mail of the sample company, as it lies in a mailbox of Dovecot."""
    for file in sorted((folder / "dovecot" / "mail").glob("**/cur/*")) + sorted((folder / "dovecot" / "mail").glob("**/new/*")):
        found = message_from_bytes(file.read_bytes())["Message-ID"]
        if found:
            return found.strip()
    raise AssertionError("no mail in Dovecot")


def traces_of(system, mail):
    """The traces that `chatkeep item` names: of rendering and planning, and of each copy's import."""
    connector = system.folder / "company" / "connector.toml"
    command = system.command("item", "-c", connector, mail)
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    rendered = re.findall(r"^trace +([0-9a-f]{32}) rendered", said.stdout, re.MULTILINE)
    settled = re.findall(r"imported at .* in trace ([0-9a-f]{32})$", said.stdout, re.MULTILINE)
    assert len(rendered) == 1 and settled, said.stdout
    return rendered, settled


def check(backend):
    """Every trace of the mail is there, with the work that the command says it holds."""
    rendered, settled = traces_of(backend.system, message_id(backend.system.folder))
    for trace, needed in [(trace, RENDERED) for trace in rendered] + [(trace, SETTLED) for trace in settled]:
        # Spans are sent in batches, those of one trace not all at once.
        wait_for(f"{backend.name} has all of trace {trace}", lambda t=trace, n=needed: set(n) <= set(backend.spans(t)))
        print(f"{backend.name}: trace {trace}: {len(backend.spans(trace))} spans, as they should be", flush=True)


def check_queries(tempo):
    """Tempo takes every query of the dashboards, and finds what a run without faults must have left."""
    values = {"$stage": ".*", "$slower": "1ns", "$run": "1", "$task": "1"}
    finds = {"Slow tasks", "Slow calls", "Tasks of the run"}
    asked = set()
    for file in (REPOSITORY / "charts" / "chatkeep" / "dashboards").glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                query = target["query"] if target.get("queryType") == "traceql" else "${"
                if query.startswith("${"):
                    continue
                for name, value in values.items():
                    query = query.replace(name, value)
                asked.add(panel["title"])
                if panel["title"] in finds:
                    wait_for(f"{panel['title']!r} finds something", lambda q=query: tempo.search(q))
                else:
                    tempo.search(query)
    assert finds < asked, f"panels asked: {asked}"
    print(f"Tempo: {len(asked)} queries of the dashboards, of which {len(finds)} must find something and did", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--programs", type=Path, required=True, help="folder of the programs")
    options.add_argument("--telemetry", type=Path, required=True, help="folder of the collector, of Jaeger, of Tempo")
    options = options.parse_args()
    programs, telemetry = options.programs.resolve(), options.telemetry.resolve()
    backends = [Jaeger] + ([Tempo] if list(telemetry.glob("tempo-*")) else [])
    for backend in backends:
        # Where the servers' own users get in.
        with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
            Path(made).chmod(0o755)
            with backend(Path(made) / "state", programs, telemetry) as running:
                check(running)
                if backend is Tempo:
                    check_queries(running)
    print(f"test result: ok. {len(backends)} passed; 0 failed")


if __name__ == "__main__":
    sys.exit(main())
