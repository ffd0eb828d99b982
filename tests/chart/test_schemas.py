"""Every object is one that Kubernetes and the operators take, and none that a linter objects to."""

import subprocess
import unittest

from chart import SCENARIOS, TOOLS, text, tool

VERSIONS = ("1.31.0", "1.34.0", "1.37.0")
# The one kind whose definition no package registry has: rabbitmq.yaml has five keys of it.
UNKNOWN = "RabbitmqCluster"

# What kube-score wants otherwise, and why it does not get it.
IGNORED = [
    "container-resources",  # limits of CPU, which throttle; memory is limited: test_pods.py
    "container-image-pull-policy",  # Always; the tag of a release does not change
    "deployment-has-host-podantiaffinity",  # spreading does it: test_scaling.py
    "deployment-has-poddisruptionbudget",  # also where a scaler may have one pod: test_scaling.py
    "deployment-replicas",  # two of each; a stage that is gone for a while loses nothing
    "horizontalpodautoscaler-replicas",  # the same
    "statefulset-has-servicename",  # a headless Service; nobody calls the one pod by its name
    "pod-probes-identical",  # the one program has one port
]
# The scenario of one node does without, on purpose.
WITHOUT = {"one-node": ["pod-networkpolicy"]}


def conform(rendered, version):
    command = [tool("kubeconform"), "-strict", "-summary", "-kubernetes-version", version, "-skip", UNKNOWN]
    for folder in (f"v{version}", "operators"):
        command += ["-schema-location", f"{TOOLS}/schemas/{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]
    return subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)


def score(rendered, without=()):
    command = [tool("kube-score"), "score", "--output-format", "ci"]
    for check in [*IGNORED, *without]:
        command += ["--ignore-test", check]
    return subprocess.run([*command, "-"], input=rendered, capture_output=True, text=True, check=False)


class Schemas(unittest.TestCase):
    def test_every_object_conforms_to_three_versions_of_kubernetes(self):
        for version in VERSIONS:
            for scenario in SCENARIOS:
                with self.subTest(f"{version}: {scenario}"):
                    said = conform(text(scenario), version)
                    self.assertEqual(said.returncode, 0, said.stdout)
                    self.assertIn("Invalid: 0, Errors: 0", said.stdout)

    def test_misspelt_keys_are_found_in_objects_of_operators_too(self):
        for right, wrong in (("maxSurge", "maxSurgee"), ("maxReplicaCount", "maxReplicas"), ("parentRefs", "parents")):
            with self.subTest(wrong):
                scenario = "gateway" if right == "parentRefs" else "azure"
                broken = text(scenario).replace(f"{right}:", f"{wrong}:")
                said = conform(broken, VERSIONS[-1])
                self.assertEqual(said.returncode, 1, said.stdout)
                self.assertIn(wrong, said.stdout)


class Lint(unittest.TestCase):
    def test_a_linter_has_nothing_to_object(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario):
                said = score(text(scenario), WITHOUT.get(scenario, ()))
                lines = said.stdout.splitlines()
                objections = [line for line in lines if not line.startswith(("[OK]", "[SKIPPED]"))]
                self.assertGreater(len(lines), 20)
                self.assertEqual(objections, [])

    def test_the_linter_objects_to_a_container_that_may_write_to_its_image(self):
        said = score(text().replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"))

        self.assertIn("[CRITICAL]", said.stdout)


if __name__ == "__main__":
    unittest.main()
