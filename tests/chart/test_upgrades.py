"""What an upgrade may change, and what it must not."""

import re
import shutil
import tempfile
import tomllib
import unittest
from pathlib import Path

from chart import CHART, SCENARIOS, STAGES, WORKLOADS, named, objects, of_kind, text, workloads

LONGEST_RELEASE = "a" * 53


def settings(found, component):
    """The settings file of a program."""
    return tomllib.loads(named(found, "ConfigMap", component)["data"]["settings.toml"])


def newer_chart(folder):
    """A copy of the chart as its next version."""
    chart = Path(shutil.copytree(CHART, Path(folder) / "chatkeep"))
    file = chart / "Chart.yaml"
    file.write_text(file.read_text().replace("version: 0.1.0", "version: 0.2.0", 1))
    return chart


class Selectors(unittest.TestCase):
    def test_selectors_name_what_never_changes_alone(self):
        for scenario, component, item in workloads():
            with self.subTest(f"{scenario}: {component}"):
                labels = item["metadata"]["labels"]
                names = ("name", "instance", "component")
                expected = {f"app.kubernetes.io/{key}": labels[f"app.kubernetes.io/{key}"] for key in names}
                self.assertEqual(item["spec"]["selector"]["matchLabels"], expected)
                pod = item["spec"]["template"]["metadata"]["labels"]
                self.assertLessEqual(expected.items(), pod.items())

    def test_values_do_not_change_a_selector(self):
        def selectors(scenario):
            found = of_kind(objects(scenario), "Deployment")
            return {item["metadata"]["name"]: item["spec"]["selector"] for item in found}

        expected = selectors("minimal")
        same = [name for name in SCENARIOS if not name.startswith("all-in-one") and name != "extras"]

        self.assertEqual(len(expected), 5)
        for scenario in same:
            self.assertEqual(selectors(scenario), expected, scenario)

    def test_a_new_version_of_the_chart_alone_restarts_no_pod(self):
        for scenario in ("azure", "all-in-one"):
            with tempfile.TemporaryDirectory() as folder:
                after = objects(scenario, chart=newer_chart(folder))
            before = {item["metadata"]["name"]: item for item in of_kind(objects(scenario), *WORKLOADS)}
            for item in of_kind(after, *WORKLOADS):
                old = before[item["metadata"]["name"]]
                self.assertNotEqual(item["metadata"]["labels"], old["metadata"]["labels"])
                self.assertEqual(item["spec"], old["spec"])


class Names(unittest.TestCase):
    def test_names_stay_short_enough_in_a_release_with_the_longest_name(self):
        for scenario in SCENARIOS:
            ours = [item for item in objects(scenario, release=LONGEST_RELEASE) if "labels" in item["metadata"]]
            for item in ours:
                name = item["metadata"]["name"]
                with self.subTest(f"{scenario}: {item['kind']} {name}"):
                    # 63, less what a ReplicaSet and its pods get.
                    self.assertLessEqual(len(name), 53 if item["kind"] in WORKLOADS else 63)
                    self.assertRegex(name, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
                    for value in item["metadata"]["labels"].values():
                        self.assertLessEqual(len(value), 63)

    def test_no_two_objects_of_a_kind_have_one_name(self):
        for scenario in SCENARIOS:
            names = [(item["kind"], item["metadata"]["name"]) for item in objects(scenario)]
            self.assertEqual(len(names), len(set(names)), scenario)

    def test_rendering_again_gives_the_same(self):
        first = text("azure")
        text.cache_clear()

        self.assertEqual(text("azure"), first)


class Pods(unittest.TestCase):
    def test_new_settings_of_one_program_replace_its_pods_alone(self):
        def checksums(values=None):
            found = of_kind(objects(values=values), "Deployment")
            pods = {item["metadata"]["name"]: item["spec"]["template"]["metadata"] for item in found}
            return {name: pod["annotations"]["checksum/settings"] for name, pod in pods.items()}

        before = checksums()
        after = checksums({"services": {"mapping": {"settings": {"mapping": {"concurrency": 3}}}}})

        changed = [name for name in before if before[name] != after[name]]
        self.assertEqual(changed, ["chatkeep-mapping"])

    def test_a_pod_may_finish_before_it_is_killed(self):
        for scenario, component, item in workloads():
            if component == "all-in-one":
                continue
            with self.subTest(f"{scenario}: {component}"):
                spec = item["spec"]["template"]["spec"]
                release = item["metadata"]["name"].removesuffix(f"-{component}")
                (found,) = [
                    other
                    for other in of_kind(objects(scenario), "ConfigMap")
                    if other["metadata"]["name"] == f"{release}-{component}"
                ]
                grace = tomllib.loads(found["data"]["settings.toml"])["lifecycle"]["grace"]
                stop = spec["containers"][0].get("lifecycle", {}).get("preStop", {})
                sleep = stop.get("sleep", {}).get("seconds", 0)
                seconds = int(re.fullmatch(r"(\d+)s", grace)[1])
                self.assertEqual(spec["terminationGracePeriodSeconds"], sleep + seconds + 10)

    def test_one_service_overrides_what_all_have_with_false_too(self):
        values = {
            "defaults": {"topologySpread": {"enabled": True}},
            "services": {"mapping": {"topologySpread": {"enabled": False}}},
        }

        found = objects(values=values)

        spread = {
            component: "topologySpreadConstraints" in named(found, "Deployment", component)["spec"]["template"]["spec"]
            for component in STAGES
        }
        self.assertEqual(spread, {"ingestion": True, "conversion": True, "mapping": False, "mailbox-import": True})

    def test_whole_numbers_are_whole_numbers_in_settings(self):
        # A renderer that goes through floating point would write 4.0.
        found = objects("azure")

        self.assertEqual(settings(found, "conversion")["conversion"]["concurrency"], 4)
        self.assertIsInstance(settings(found, "conversion")["conversion"]["concurrency"], int)
        self.assertEqual(settings(found, "control")["control"]["postgres"]["connections"], 20)
        self.assertEqual(settings(found, "control")["telemetry"]["sample"], 0.1)


if __name__ == "__main__":
    unittest.main()
