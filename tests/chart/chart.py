"""What the tests of the chart have in common: rendering it."""

import functools
import json
import os
import subprocess
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "chatkeep"
TOOLS = Path(os.environ.get("CHATKEEP_HELM_ROOT", "/var/cache/chatkeep/helm"))
SCENARIOS = {path.name.removesuffix("-values.yaml"): path for path in CHART.glob("ci/*-values.yaml")}
STAGES = ["ingestion", "conversion", "mapping", "mailbox-import"]
WORKLOADS = ("Deployment", "StatefulSet")


def tool(name):
    return TOOLS / "bin" / name


def helm(*arguments, values=None):
    """Calls helm; `values` come over those of files."""
    if values is not None:
        arguments += ("--values", "-")
    return subprocess.run(
        [tool("helm"), *map(str, arguments)],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
    )


@functools.cache
def text(scenario="minimal", release="chatkeep", chart=CHART, changes="null"):
    """The rendered chart of a scenario; `changes`, as JSON, come over its values."""
    changes = json.loads(changes)
    arguments = ["template", release, chart, "--namespace", "archive"]
    arguments += ["--values", SCENARIOS[scenario]]
    rendered = helm(*arguments, values=changes)
    if rendered.returncode:
        raise AssertionError(f"{scenario}: {rendered.stderr}")
    return rendered.stdout


def objects(scenario="minimal", values=None, **more):
    """The rendered objects of a scenario."""
    rendered = text(scenario, changes=json.dumps(values), **more)
    return [found for found in yaml.safe_load_all(rendered) if found]


def refusal(values, scenario="minimal"):
    """What helm says of values that it refuses; empty when it takes them."""
    arguments = ["template", "chatkeep", CHART, "--values", SCENARIOS[scenario]]
    rendered = helm(*arguments, values=values)
    return rendered.stderr if rendered.returncode else ""


def of_kind(found, *kinds):
    return [item for item in found if item["kind"] in kinds]


def named(found, kind, component, release="chatkeep"):
    """The object of this kind of one component."""
    name = f"{release}-{component}"
    return next((item for item in of_kind(found, kind) if item["metadata"]["name"] == name), None)


def workloads():
    """Every workload of every scenario: scenario, component, object."""
    for scenario in SCENARIOS:
        for item in of_kind(objects(scenario), *WORKLOADS):
            yield scenario, item["metadata"]["labels"]["app.kubernetes.io/component"], item


def pods():
    """Every pod of every scenario, that of the chart's own test included: which it is, its spec."""
    for scenario in SCENARIOS:
        for item in objects(scenario):
            label = f"{scenario}: {item['metadata']['name']}"
            if item["kind"] in WORKLOADS:
                yield label, item["spec"]["template"]["spec"]
            elif item["kind"] == "Pod":
                yield label, item["spec"]


def containers():
    """Every container of every pod: which pod it is of, the container."""
    for label, spec in pods():
        for container in spec["containers"]:
            yield label, container
