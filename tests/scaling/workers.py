"""As many processes of each stage as a scaler wants."""

import re
import signal
import subprocess

STAGES = ["ingestion", "conversion", "mapping", "mailbox-import"]
# Longer than any program may take to end: `lifecycle.grace` and 10 s.
PATIENCE = 60


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
