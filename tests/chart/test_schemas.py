"""Every object is one that Kubernetes and the operators take, and none that a linter objects to."""

import json
import subprocess
import unittest

from chart import SCENARIOS, TOOLS, text, tool

VERSIONS = ("1.31.0", "1.34.0", "1.37.0")

# What kube-linter wants otherwise, and why it does not get it.
IGNORED = {
    "dnsconfig-options",  # how names are looked up is the cluster's
    "hpa-minimum-three-replicas",  # two of each; a stage that is gone for a while loses nothing
    "minimum-three-replicas",
    "no-anti-affinity",  # spreading does it: test_scaling.py
    "no-node-affinity",  # which nodes there are, the chart cannot know: a value
    "required-annotation-email",  # labels and annotations of a company's own are values
    "required-label-owner",
    "restart-policy",  # that of a Deployment is Always without a word
    "sorted-keys",  # a template has its keys in the order in which they are understood
    "use-namespace",  # the release's
}
# Kinds and scenarios that do without, on purpose.
OF_KIND = {
    "Pod": {"no-liveness-probe", "no-readiness-probe"},  # the chart's own test, which ends
    "StatefulSet": {"no-rolling-update-strategy"},  # that is its default
}
OF_SCENARIO = {
    "all-in-one-ingress": {"env-var-secret"},  # it names the file of the secret
    "existing-accounts": {"non-existent-service-account"},  # they are there already
    "extras": {"priority-class-name"},  # a class of the cluster's own
    "ingress": {"dangling-networkpolicypeer-podselector"},  # the controller's pods, in another namespace
    "one-node": {"non-isolated-pod"},  # it may have no network plugin that knows policies
}


def conform(rendered, version):
    command = [tool("kubeconform"), "-strict", "-summary", "-kubernetes-version", version]
    for folder in (f"v{version}", "operators"):
        command += ["-schema-location", f"{TOOLS}/schemas/{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
    return subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)


def objections(rendered, scenario="minimal"):
    """What the linter objects to: check, kind, name."""
    # Schemas it would ask the network for; kubeconform has them here.
    command = [tool("kube-linter"), "lint", "--add-all-built-in", "--exclude", "schema-validation", "--format", "json", "-"]
    said = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    # It ends with 1 where it objects, and always to something.
    found = json.loads(said.stdout)
    assert len(found["Checks"]) > 50, said.stderr
    for report in found["Reports"]:
        check, item = report["Check"], report["Object"]["K8sObject"]
        kind = item["GroupVersionKind"]["Kind"]
        if check not in IGNORED | OF_KIND.get(kind, set()) | OF_SCENARIO.get(scenario, set()):
            yield check, kind, item["Name"]


class Schemas(unittest.TestCase):
    def test_every_object_conforms_to_three_versions_of_kubernetes(self):
        for version in VERSIONS:
            for scenario in SCENARIOS:
                with self.subTest(f"{version}: {scenario}"):
                    said = conform(text(scenario), version)
                    self.assertEqual(said.returncode, 0, said.stdout)
                    self.assertIn("Invalid: 0, Errors: 0", said.stdout)

    def test_misspelt_keys_are_found_in_objects_of_operators_too(self):
        for scenario, right, wrong in (
            ("azure", "maxSurge", "maxSurgee"),
            ("azure", "maxReplicaCount", "maxReplicas"),
            ("gateway", "parentRefs", "parents"),
            ("rabbitmq-operator", "storage", "storages"),
        ):
            with self.subTest(wrong):
                broken = text(scenario).replace(f"{right}:", f"{wrong}:")
                said = conform(broken, VERSIONS[-1])
                self.assertEqual(said.returncode, 1, said.stdout)
                self.assertIn(wrong, said.stdout)


class Lint(unittest.TestCase):
    def test_a_linter_has_nothing_to_object(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario):
                self.assertEqual(list(objections(text(scenario), scenario)), [])

    def test_the_linter_objects_to_a_container_that_may_write_to_its_image(self):
        broken = text().replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")

        self.assertIn(("no-read-only-root-fs", "Deployment", "chatkeep-control"), set(objections(broken)))


if __name__ == "__main__":
    unittest.main()
