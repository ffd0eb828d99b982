"""Dashboards and alerts reach the cluster as they are in the chart's folders."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import yaml

from chart import CHART, named, objects, of_kind

# Both have braces that helm must not read.
DASHBOARD = {"uid": "planted", "title": "{{ planted }}", "panels": [{"legendFormat": "{{chatkeep_stage}}"}]}
RULES = """\
groups:
  - name: planted
    rules:
      - { alert: Kept, expr: "up == 0", for: 5m, annotations: { summary: "{{ $labels.job }} is down" } }
      - { alert: LeftOut, expr: "up == 1" }
"""


def planted(folder):
    """A copy of the chart that has one dashboard and one file of rules more."""
    chart = Path(shutil.copytree(CHART, Path(folder) / "chatkeep"))
    for name in ("dashboards", "rules"):
        (chart / name).mkdir(exist_ok=True)
    (chart / "dashboards" / "planted.json").write_text(json.dumps(DASHBOARD, indent=2))
    (chart / "rules" / "planted.yaml").write_text(RULES)
    (chart / "rules" / "tests").mkdir(exist_ok=True)
    (chart / "rules" / "tests" / "planted.yaml").write_text("no: rules")
    return chart


class Monitoring(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def render(self, values=None):
        return objects("azure", values=values, chart=planted(self.folder.name))

    def test_each_dashboard_is_a_config_map_for_grafana(self):
        found = self.render()

        item = named(found, "ConfigMap", "dashboard-planted")
        self.assertEqual(json.loads(item["data"]["planted.json"]), DASHBOARD)
        self.assertEqual(item["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(item["metadata"]["annotations"]["grafana_folder"], "Chatkeep")
        files = {file.name for file in CHART.glob("dashboards/*.json")} | {"planted.json"}
        maps = [other["data"] for other in of_kind(found, "ConfigMap") if "-dashboard-" in other["metadata"]["name"]]
        self.assertEqual({name for data in maps for name in data}, files)

    def test_each_file_of_rules_is_a_prometheus_rule(self):
        found = self.render()

        item = named(found, "PrometheusRule", "planted")
        self.assertEqual(item["spec"], yaml.safe_load(RULES))
        self.assertEqual(item["metadata"]["labels"]["release"], "prometheus")
        files = {file.stem for file in CHART.glob("rules/*.yaml")} | {"planted"}
        names = {other["metadata"]["name"].removeprefix("chatkeep-") for other in of_kind(found, "PrometheusRule")}
        self.assertEqual(names, files)

    def test_an_alert_can_be_left_out(self):
        found = self.render({"monitoring": {"prometheusRule": {"disabledAlerts": ["LeftOut"]}}})

        (group,) = named(found, "PrometheusRule", "planted")["spec"]["groups"]
        self.assertEqual([rule["alert"] for rule in group["rules"]], ["Kept"])

    def test_alerts_name_their_runbooks_where_they_are_kept(self):
        def named_by(values):
            rules = named(objects("azure", values=values), "PrometheusRule", "alerts")["spec"]["groups"]
            return {rule["alert"]: rule["annotations"]["runbook_url"] for group in rules for rule in group["rules"]}

        as_they_are = named_by(None)
        elsewhere = named_by({"monitoring": {"prometheusRule": {"runbooks": "https://wiki.contoso.com/runbooks/"}}})

        self.assertEqual(as_they_are["ChatkeepLate"], "docs/runbooks/ChatkeepLate.md")
        self.assertEqual(elsewhere["ChatkeepLate"], "https://wiki.contoso.com/runbooks/ChatkeepLate.md")
        self.assertEqual(elsewhere.keys(), as_they_are.keys())

    def test_a_group_without_alerts_is_none(self):
        found = self.render({"monitoring": {"prometheusRule": {"disabledAlerts": ["Kept", "LeftOut"]}}})

        self.assertIsNone(named(found, "PrometheusRule", "planted"))

    def test_prometheus_reads_every_program(self):
        (monitor,) = of_kind(objects("azure"), "PodMonitor")
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

        self.assertEqual((endpoint["port"], endpoint["path"]), ("admin", "/metrics"))
        for item in of_kind(objects("azure"), "Deployment"):
            pod = item["spec"]["template"]
            self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), pod["metadata"]["labels"].items())
            self.assertIn("admin", [port["name"] for port in pod["spec"]["containers"][0]["ports"]])

    def test_nothing_of_it_is_made_unasked(self):
        kinds = ("PodMonitor", "PrometheusRule", "ScaledObject", "Ingress", "HTTPRoute", "RabbitmqCluster")

        self.assertEqual(of_kind(objects(), *kinds), [])


if __name__ == "__main__":
    unittest.main()
