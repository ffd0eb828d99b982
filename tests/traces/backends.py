"""What keeps traces, started on loopback, with the distributed system that sends to it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from local_system import REPOSITORY, System  # noqa: E402

PATIENCE = 60


def ask(url):
    """The answer, or None where what is asked for is not there (yet)."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise RuntimeError(f"{url}: {error.code} {error.read().decode()[:500]}") from error


def wait_for(what, look):
    """What `look` finds, once it finds something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


class Jaeger:
    """The collector and Jaeger as `deploy/local/look` starts them."""

    name = "Jaeger"

    def __init__(self, folder: Path, programs: Path, telemetry: Path):
        self.system = System(folder, programs, "look", CHATKEEP_TELEMETRY_ROOT=str(telemetry))
        self.address = f"http://127.0.0.1:{self.system.ports + 22}"

    def __enter__(self):
        self.system.__enter__()
        return self

    def __exit__(self, *_):
        self.system.__exit__()

    def spans(self, trace):
        """(program, name of the span) of each span of a trace."""
        found = ask(f"{self.address}/api/traces/{trace}")
        traces = found["data"] if found else []
        return [
            (one["processes"][span["processID"]]["serviceName"], span["operationName"])
            for one in traces
            for span in one["spans"]
        ]


class Tempo:
    """The collector and Tempo with the files of deploy/telemetry, which compose mounts, and `deploy/local/up`."""

    name = "Tempo"

    def __init__(self, folder: Path, programs: Path, telemetry: Path):
        self.folder, self.processes = folder / "tempo", []
        self.programs = {name: next(telemetry.glob(f"{name}-*")) for name in ("otelcol", "tempo")}
        self.system = System(folder, programs)
        ports = self.system.ports
        self.otlp, self.receiver, self.address = ports + 20, ports + 21, f"http://127.0.0.1:{ports + 22}"
        self.system.environment["CHATKEEP_LOCAL_OTLP"] = f"http://127.0.0.1:{self.otlp}"

    def settings(self, file, *changes):
        """A file of deploy/telemetry with the addresses of this machine in place of those between containers."""
        text = (REPOSITORY / "deploy" / "telemetry" / file).read_text()
        for old, new in changes:
            assert old in text, f"{file}: no {old}"
            text = text.replace(old, new)
        (self.folder / file).write_text(text)
        return self.folder / file

    def run(self, program, argument):
        log = (self.folder / f"{program}.log").open("w")
        self.processes.append(subprocess.Popen([self.programs[program], argument], stdout=log, stderr=log))

    def __enter__(self):
        self.folder.mkdir(parents=True)
        tempo = self.settings(
            "tempo.yaml",
            ("http_listen_port: 3200", f"http_listen_port: {self.system.ports + 22}\n  http_listen_address: 127.0.0.1\n"
             f"  grpc_listen_address: 127.0.0.1\n  grpc_listen_port: {self.system.ports + 23}"),
            ("0.0.0.0:4317", f"127.0.0.1:{self.receiver}"),
            ("/var/tempo", str(self.folder / "traces")),
        )
        collector = self.settings(
            "collector.yaml",
            ("0.0.0.0:4317", f"127.0.0.1:{self.otlp}"),
            ("tempo:4317", f"127.0.0.1:{self.receiver}"),
            ("service:\n", "service:\n  telemetry:\n    metrics:\n      level: none\n"),
        )
        try:
            self.run("tempo", f"-config.file={tempo}")
            self.run("otelcol", f"--config={collector}")
            wait_for("Tempo is ready", self.is_ready)
            self.system.__enter__()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.system.__exit__()
        self.stop()

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE)

    def is_ready(self):
        for process in self.processes:
            assert process.poll() is None, f"{process.args[0]} ended; logs: {os.listdir(self.folder)}"
        try:
            with urllib.request.urlopen(f"{self.address}/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def spans(self, trace):
        """(program, name of the span) of each span of a trace."""
        found = ask(f"{self.address}/api/traces/{trace}")
        spans = []
        for batch in found["batches"] if found else []:
            attributes = {one["key"]: one["value"] for one in batch["resource"]["attributes"]}
            program = attributes["service.name"]["stringValue"]
            spans += [(program, span["name"]) for scope in batch["scopeSpans"] for span in scope["spans"]]
        return spans

    def search(self, query):
        """Traces that a query in TraceQL finds; a query that Tempo does not understand is an error."""
        return ask(f"{self.address}/api/search?{urllib.parse.urlencode({'q': query, 'limit': 20})}")["traces"]
