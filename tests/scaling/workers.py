"""The system of deploy/local, with as many processes of each stage as a scaler wants."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = ["ingestion", "conversion", "mapping", "mailbox-import"]
# Longer than any program may take to end: `lifecycle.grace` and 10 s.
PATIENCE = 60


def free_ports():
    """The first of 20 ports in a row of which nobody uses the first; below those that systems hand out."""
    for first in range(21000, 30000, 20):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", first + 1)):
                return first
    raise RuntimeError("no free ports")


class System:
    """RabbitMQ, PostgreSQL, Azurite, Dovecot and control, from `up` to `down`."""

    def __init__(self, folder: Path, programs: Path):
        self.folder, self.programs, self.ports = folder, programs, free_ports()
        self.environment = os.environ | {
            "CHATKEEP_LOCAL": str(folder),
            "CHATKEEP_LOCAL_PORTS": str(self.ports),
            "CHATKEEP_LOCAL_MANAGEMENT": "1",
            "CHATKEEP_BIN": str(programs),
        }

    def call(self, script):
        subprocess.run([REPOSITORY / "deploy/local" / script], env=self.environment, check=True)

    def __enter__(self):
        self.call("up")
        return self

    def __exit__(self, *_):
        self.call("down")

    def end(self, stage):
        """Ends the process of a stage that `up` has started; its exit code is not told to us."""
        file = self.folder / "pid" / stage
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        file.unlink()

    def lengths(self):
        """Messages of every queue that are waiting or in work, from RabbitMQ's management plugin."""
        secret = [(self.folder / "settings" / f"queue-{part}").read_text() for part in ("user", "password")]
        token = base64.b64encode(":".join(secret).encode()).decode()
        url = f"http://127.0.0.1:{self.ports + 7}/api/queues/{urllib.parse.quote('/', safe='')}"
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return {queue["name"]: queue.get("messages", 0) for queue in json.load(answer)}

    def command(self, *arguments):
        control = f"http://127.0.0.1:{self.ports + 10}"
        return [self.programs / "chatkeep", "--control", control, "--plaintext", *map(str, arguments)]


class Workers:
    """The processes of one stage. Those that were told to stop are waited for."""

    def __init__(self, system, stage):
        self.system, self.stage = system, stage
        self.running, self.stopping, self.codes = [], [], []

    def scale_to(self, number):
        while len(self.running) < number:
            self.running.append(self.start())
        while len(self.running) > number:
            # Nobody chooses which pod goes; here it is the oldest, which has the most in its hands.
            process = self.running.pop(0)
            process.send_signal(signal.SIGTERM)
            self.stopping.append(process)

    def start(self):
        settings = (self.system.folder / "settings" / f"{self.stage}.toml").read_text()
        # Nobody calls it, and it may listen anywhere.
        settings = re.sub(r'^address = "127\.0\.0\.1:\d+"', 'address = "127.0.0.1:0"', settings, flags=re.MULTILINE)
        number = len(self.running) + len(self.stopping) + len(self.codes)
        file = self.system.folder / "settings" / f"{self.stage}-{number}.toml"
        file.write_text(settings)
        log = (self.system.folder / "log" / f"{self.stage}-{number}.log").open("w")
        return subprocess.Popen([self.system.programs / self.stage, "--config", file], stdout=log, stderr=log)

    def check(self):
        """Raises when one ended that nobody told to."""
        for process in self.running:
            if process.poll() is not None:
                raise AssertionError(f"{self.stage} ended by itself with {process.returncode}")

    def end(self):
        """Stops all; the exit codes of all there ever were."""
        self.scale_to(0)
        self.codes += [process.wait(PATIENCE) for process in self.stopping]
        self.stopping = []
        return self.codes
