"""The distributed system as deploy/local starts it on this machine."""

import base64
import json
import os
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def free_ports():
    """The first of 40 ports in a row of which nobody uses the first; below those that systems hand out."""
    for first in range(21000, 30000, 40):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", first + 1)):
                return first
    raise RuntimeError("no free ports")


class System:
    """RabbitMQ, PostgreSQL, Azurite, Dovecot and the programs, from `up` or `look` to `down`."""

    def __init__(self, folder: Path, programs: Path, start="up", **environment):
        self.folder, self.programs, self.start, self.ports = folder, programs, start, free_ports()
        self.environment = os.environ | {
            "CHATKEEP_LOCAL": str(folder),
            "CHATKEEP_LOCAL_PORTS": str(self.ports),
            "CHATKEEP_LOCAL_MANAGEMENT": "1",
            "CHATKEEP_BIN": str(programs),
            **environment,
        }

    def call(self, script):
        subprocess.run([REPOSITORY / "deploy/local" / script], env=self.environment, check=True)

    def __enter__(self):
        self.call(self.start)
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
