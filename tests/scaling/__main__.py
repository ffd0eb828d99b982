"""A backlog is worked off by processes that the chart's scaling rule adds and removes.

    tests/scaling --programs DIR [--items N] [--speed N] [--record]

Renders the ScaledObjects with helm, starts RabbitMQ, PostgreSQL, Azurite, Dovecot and control, lets ingestion
read N conversations while conversion and import stand still, then asks RabbitMQ's management plugin for the
lengths of the queues as KEDA does and starts and stops processes of every stage as the rule says, until
all are back at their least. Then the balance must be closed, and every conversation once in its mailbox.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import company
import yaml
from rule import Rule, Scaler
from workers import STAGES, Workers

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from local_system import REPOSITORY, System  # noqa: E402

HELM = Path(os.environ.get("CHATKEEP_HELM_ROOT", "/var/cache/chatkeep/helm")) / "bin" / "helm"
CHART = REPOSITORY / "charts" / "chatkeep"
# What a small site would set: asked every 5 s.
VALUES = {
    "defaults": {"autoscaling": {"type": "keda", "maxReplicas": 3, "keda": {"pollingInterval": 5}}},
    "queue": {"management": {"url": "http://rabbitmq:15672"}},
}


def rules(speed):
    """The rules of all stages, as the chart renders them. Looks are not hastened: RabbitMQ counts every 5 s."""
    command = [HELM, "template", "chatkeep", CHART, "--values", CHART / "ci/minimal-values.yaml", "--values", "-"]
    rendered = subprocess.run(command, input=json.dumps(VALUES), capture_output=True, text=True, check=True)
    found = {}
    for item in yaml.safe_load_all(rendered.stdout):
        if item and item["kind"] == "ScaledObject":
            rule = Rule.of(item, speed)
            rule.interval *= speed
            found[item["metadata"]["labels"]["app.kubernetes.io/component"]] = rule
    return {stage: found[stage] for stage in STAGES}


def mails(folder):
    """How often each Message-ID is in each mailbox of Dovecot."""
    found = Counter()
    for file in (folder / "dovecot" / "mail").glob("person*/**/*"):
        if file.parent.name in ("cur", "new") and file.is_file():
            lines = file.read_bytes().split(b"\n\n")[0].replace(b"\r", b"").split(b"\n")
            (name,) = [line for line in lines if line.lower().startswith(b"message-id:")]
            found[file.relative_to(folder).parts[2], name] += 1
    return found


class Course:
    """What was seen: seconds, lengths of queues, processes."""

    def __init__(self):
        self.begun, self.rows = time.monotonic(), []

    def add(self, lengths, workers):
        self.rows.append((time.monotonic() - self.begun, lengths, workers))
        print(f"{self.rows[-1][0]:6.0f} s  queues {lengths}  processes {workers}", flush=True)

    def table(self):
        """As Markdown: every look at which the number of processes was another one, and one a minute."""
        yield "| s | messages: " + " | ".join(STAGES) + " | processes: " + " | ".join(STAGES) + " |"
        yield "|---" * (1 + 2 * len(STAGES)) + "|"
        shown, before = -60, None
        for at, lengths, workers in self.rows:
            if workers != before or at - shown >= 60 or at == self.rows[-1][0]:
                yield f"| {at:.0f} | " + " | ".join(map(str, [*lengths, *workers])) + " |"
                shown, before = at, workers


def pile_up(system, scalers, crews, course):
    """Lets ingestion read everything while nobody takes what it hands on; mapping reads the directory first."""
    ingestion = scalers["ingestion"].rule
    for stage in ("ingestion", "mapping"):
        crews[stage].scale_to(max(1, scalers[stage].rule.least))
    quiet, before = 0, None
    while quiet < 4:
        time.sleep(ingestion.interval)
        found = system.lengths()
        lengths = [found[scaler.rule.queue] for scaler in scalers.values()]
        course.add(lengths, [len(crew.running) for crew in crews.values()])
        is_read = lengths[0] == 0 and lengths[1] > 0 and lengths == before
        quiet, before = quiet + 1 if is_read else 0, lengths


def drain(system, scalers, crews, course, archiving):
    """Follows the rules until the run has ended and every stage is back at its least."""
    for stage, scaler in scalers.items():
        crews[stage].scale_to(scaler.rule.least)
    interval = min(scaler.rule.interval for scaler in scalers.values())
    while True:
        time.sleep(interval)
        found = system.lengths()
        now = time.monotonic()
        for stage, scaler in scalers.items():
            crews[stage].check()
            pods = len(crews[stage].running)
            crews[stage].scale_to(scaler.decide(now, found[scaler.rule.queue], pods))
        workers = [len(crew.running) for crew in crews.values()]
        course.add([found[scaler.rule.queue] for scaler in scalers.values()], workers)
        if archiving.poll() is not None and workers == [scaler.rule.least for scaler in scalers.values()]:
            return


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--programs", type=Path, required=True, help="folder of the programs")
    options.add_argument("--items", type=int, default=50_000)
    options.add_argument("--speed", type=float, default=10, help="waits before a process goes are so many times as short")
    options.add_argument("--record", action="store_true", help="writes docs/evidence/scaling.md")
    options = options.parse_args()
    scalers = {stage: Scaler(rule) for stage, rule in rules(options.speed).items()}
    # Where the servers' own users get in.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
        Path(made).chmod(0o755)
        folder = Path(made) / "state"
        with System(folder, options.programs.resolve()) as system:
            for stage in STAGES:
                system.end(stage)
            target = (folder / "company" / "connector.toml").read_text()
            target = target[target.index("[target]") :]
            connector = company.write(folder / "backlog", options.items, target)
            course, crews = Course(), {stage: Workers(system, stage) for stage in STAGES}
            report = folder / "report.json"
            archiving = subprocess.Popen(system.command("archive", connector, "--report", report))
            try:
                pile_up(system, scalers, crews, course)
                drain(system, scalers, crews, course, archiving)
            finally:
                archiving.terminate()
                archiving.wait()
                codes = [code for crew in crews.values() for code in crew.end()]
            balance = json.loads(report.read_text())
            found = mails(folder)
    check(options, scalers, course, archiving, codes, balance, found)
    if options.record:
        record(options, scalers, course, codes)
    print("test result: ok. 1 passed; 0 failed")


def check(options, scalers, course, archiving, codes, balance, found):
    """What must be true at the end."""
    peak = [max(column) for column in zip(*(workers for _, _, workers in course.rows), strict=True)]
    assert archiving.returncode == 0, f"archive ended with {archiving.returncode}"
    assert set(codes) == {0}, f"exit codes {Counter(codes)}"
    deliveries = balance["deliveries"]
    assert deliveries["planned"] == deliveries["imported"] == options.items, deliveries
    assert balance["records"]["read"] == options.items and balance["records"]["open"] == 0, balance["records"]
    assert sum(found.values()) == options.items, f"{sum(found.values())} mails"
    assert set(found.values()) == {1}, "a mail is there twice"
    assert len({name for _, name in found}) == options.items, "two conversations have one Message-ID"
    assert peak[1] > 1, f"never more than {peak} processes"
    assert len(codes) > sum(max(1, scaler.rule.least) for scaler in scalers.values()), "no process was removed"


def record(options, scalers, course, codes):
    rule = scalers["conversion"].rule
    text = [
        "# Scaling",
        "",
        f"`tests/scaling --items {options.items} --record`: {options.items:,} conversations, one mailbox each, by five programs on RabbitMQ, PostgreSQL, Azurite and",
        "Dovecot on one machine with two cores that did other work too. Processes were added and removed by the rules of the",
        "ScaledObjects that the chart renders, applied to the lengths that RabbitMQ's management plugin counts, messages in work",
        f"included: at least {rule.least}, at most {rule.most} of each stage, asked every {rule.interval:.0f} s. The waits before a process goes",
        f"were {options.speed:.0f} times as short as the chart's. What was checked at the end: exit code 0 of the command and of every",
        f"process of a stage ({len(codes)} in all), a closed balance, {options.items:,} mails in Dovecot, none twice. First ingestion reads everything",
        "while conversion and import stand still.",
        "",
        "Messages are tasks: 100 conversations each for conversion, 50 deliveries for mailbox-import, of whose queue control fills",
        "no more than 64, one for each shard.",
        "",
        *course.table(),
    ]
    (REPOSITORY / "docs" / "evidence" / "scaling.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    sys.exit(main())
