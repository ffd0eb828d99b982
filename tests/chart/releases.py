"""Install, upgrade, rollback, uninstall against a real API server: `./test kubernetes`, by hand.

Needs kube-apiserver, kubectl and etcd: tests/install/kubernetes.sh.
"""

import json
import tempfile
import unittest
from pathlib import Path

from chart import CHART, SCENARIOS, text
from server import Server
from test_upgrades import newer_chart

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: archive
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
"""
# RabbitMQ's cluster operator has no definitions in any package registry.
HERE = sorted(set(SCENARIOS) - {"rabbitmq-operator"})


class Releases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())
        cls.server.add_kinds_of_operators()
        made = cls.server.kubectl("apply", "--filename", "-", text=NAMESPACE)
        assert made.returncode == 0, made.stderr

    def helm(self, *arguments):
        said = self.server.helm(*arguments, "--namespace", "archive")
        self.assertEqual(said.returncode, 0, said.stderr)
        return said.stdout

    def put(self, command, release, scenario, *more, chart=CHART):
        self.helm(command, release, chart, "--values", SCENARIOS[scenario], *more)

    def found(self, kinds, release):
        """Names of the objects of a release."""
        label = f"app.kubernetes.io/instance={release}"
        said = self.server.kubectl("get", kinds, "--namespace", "archive", "--selector", label, "--output", "json")
        self.assertEqual(said.returncode, 0, said.stderr)
        return {item["metadata"]["name"]: item for item in json.loads(said.stdout)["items"]}

    def history(self, release):
        revisions = json.loads(self.helm("history", release, "--output", "json"))
        return [(found["revision"], found["status"]) for found in revisions]

    def test_every_scenario_is_taken_by_the_server_without_a_warning(self):
        for scenario in HERE:
            with self.subTest(scenario):
                dry = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--namespace", "archive")
                said = self.server.kubectl(*dry, "--filename", "-", text=text(scenario))
                self.assertEqual((said.returncode, said.stderr), (0, ""))

    def test_the_server_warns_of_pods_that_are_not_restricted(self):
        open_pods = text().replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
        said = self.server.kubectl("apply", "--dry-run=server", "--namespace", "archive", "-f", "-", text=open_pods)

        self.assertIn("violate PodSecurity", said.stderr)

    def test_a_release_is_installed_upgraded_rolled_back_and_removed(self):
        self.put("install", "first", "minimal")
        self.assertEqual(len(self.found("deployments", "first")), 5)

        with tempfile.TemporaryDirectory() as folder:
            self.put("upgrade", "first", "azure", chart=newer_chart(Path(folder)))
        deployments = self.found("deployments", "first")
        self.assertEqual(deployments["first-chatkeep-control"]["spec"]["replicas"], 3)
        self.assertEqual(len(self.found("scaledobjects.keda.sh", "first")), 4)

        self.helm("rollback", "first", "1")
        deployments = self.found("deployments", "first")
        self.assertEqual(deployments["first-chatkeep-control"]["spec"]["replicas"], 2)
        self.assertEqual(self.found("scaledobjects.keda.sh", "first"), {})
        statuses = [(1, "superseded"), (2, "superseded"), (3, "deployed")]
        self.assertEqual(self.history("first"), statuses)

        self.helm("uninstall", "first")
        kinds = "deployments,configmaps,serviceaccounts,services,networkpolicies,poddisruptionbudgets"
        self.assertEqual(self.found(kinds, "first"), {})

    def test_a_scaler_keeps_its_number_of_pods_over_an_upgrade(self):
        self.put("install", "scaled", "azure")
        # As a scaler does.
        scale = ("scale", "deployment/scaled-chatkeep-conversion", "--replicas", "7", "--namespace", "archive")
        self.assertEqual(self.server.kubectl(*scale).returncode, 0)

        self.put("upgrade", "scaled", "azure", "--set", "telemetry.log=debug")

        deployments = self.found("deployments", "scaled")
        self.assertEqual(deployments["scaled-chatkeep-conversion"]["spec"]["replicas"], 7)

    def test_the_one_program_keeps_its_volume_over_upgrades_of_everything_else(self):
        self.put("install", "small", "all-in-one")
        with tempfile.TemporaryDirectory() as folder:
            more = ("--set", "allInOne.pod.resources.limits.memory=4Gi")
            self.put("upgrade", "small", "all-in-one", *more, chart=newer_chart(Path(folder)))

        (item,) = self.found("statefulsets", "small").values()
        self.assertEqual(item["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"], "Retain")
        limits = item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        self.assertEqual(limits["memory"], "4Gi")

        said = self.server.helm(
            *("upgrade", "small", CHART, "--namespace", "archive", "--values", SCENARIOS["all-in-one"]),
            *("--set", "allInOne.persistence.size=200Gi"),
        )
        # As docs/kubernetes.md says: the claim itself is to be enlarged.
        self.assertIn("Forbidden", said.stderr)


if __name__ == "__main__":
    unittest.main()
