"""What holds of every pod, whatever the values."""

import unittest

from chart import SCENARIOS, STAGES, containers, objects, of_kind, pods, workloads


class Pods(unittest.TestCase):
    def test_there_are_scenarios_of_both_forms(self):
        components = {component for _, component, _ in workloads()}

        self.assertGreaterEqual(len(SCENARIOS), 12)
        self.assertEqual(components, {*STAGES, "control", "all-in-one"})
        self.assertIn("azure: chatkeep-test", [label for label, _ in pods()])

    def test_pods_are_restricted(self):
        for label, spec in pods():
            with self.subTest(label):
                security = spec["securityContext"]
                self.assertIs(security["runAsNonRoot"], True)
                self.assertGreater(security["runAsUser"], 0)
                self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
                for key in ("hostNetwork", "hostPID", "hostIPC"):
                    self.assertNotIn(key, spec)

    def test_containers_are_restricted(self):
        for label, container in containers():
            with self.subTest(label):
                security = container["securityContext"]
                self.assertIs(security["allowPrivilegeEscalation"], False)
                self.assertIs(security["readOnlyRootFilesystem"], True)
                self.assertEqual(security["capabilities"], {"drop": ["ALL"]})
                self.assertNotIn("privileged", security)

    def test_containers_ask_for_what_they_need_and_no_more_memory(self):
        for label, container in containers():
            with self.subTest(label):
                resources = container["resources"]
                self.assertLessEqual({"cpu", "memory"}, set(resources["requests"]))
                self.assertIn("memory", resources["limits"])

    def test_no_pod_has_a_token_of_the_cluster(self):
        for label, spec in pods():
            with self.subTest(label):
                self.assertIs(spec["automountServiceAccountToken"], False)
        for scenario in SCENARIOS:
            found = objects(scenario)
            for account in of_kind(found, "ServiceAccount"):
                self.assertIs(account["automountServiceAccountToken"], False, scenario)
            rights = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
            self.assertEqual(of_kind(found, *rights), [], scenario)

    def test_variables_of_other_services_stay_outside(self):
        for label, spec in pods():
            with self.subTest(label):
                self.assertIs(spec["enableServiceLinks"], False)

    def test_everything_mounted_is_there_and_everything_there_is_mounted(self):
        for label, spec in pods():
            with self.subTest(label):
                mounted = [mount for one in spec["containers"] for mount in one.get("volumeMounts", [])]
                names = {mount["name"] for mount in mounted}
                volumes = {volume["name"] for volume in spec.get("volumes", [])}
                # The claim of a StatefulSet is not listed among the volumes.
                self.assertEqual(names - {"data"}, volumes - {"data"})
                paths = [mount["mountPath"] for mount in mounted]
                self.assertEqual(len(paths), len(set(paths)))

    def test_no_secret_is_made_and_none_is_in_a_variable(self):
        for scenario in SCENARIOS:
            self.assertEqual(of_kind(objects(scenario), "Secret"), [], scenario)
        for label, container in containers():
            with self.subTest(label):
                for variable in container.get("env", []):
                    self.assertNotIn("secretKeyRef", str(variable))


class Probes(unittest.TestCase):
    def test_programs_are_probed_at_the_admin_port(self):
        expected = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        for scenario, component, item in workloads():
            if component == "all-in-one":
                continue
            container = item["spec"]["template"]["spec"]["containers"][0]
            for probe, path in expected.items():
                with self.subTest(f"{scenario}: {component}: {probe}"):
                    self.assertEqual(container[probe]["httpGet"], {"path": path, "port": "admin"})
                    # Longer than a program waits for control.
                    self.assertGreater(container[probe]["timeoutSeconds"], 2)
            self.assertIn({"name": "admin", "containerPort": 9090}, container["ports"])

    def test_the_one_program_is_probed_where_it_listens(self):
        # In the pod alone where nobody signs users in: it refuses anything else.
        inside = {"command": ["chatkeep", "selfcheck", "--console", "http://127.0.0.1:8080"]}
        everywhere = {"port": "console"}
        cases = [
            ("all-in-one", "127.0.0.1:8080", "exec", inside),
            ("all-in-one-ingress", "0.0.0.0:8080", "tcpSocket", everywhere),
        ]
        for scenario, address, kind, expected in cases:
            (item,) = of_kind(objects(scenario), "StatefulSet")
            container = item["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(container["args"][-1], address)
            self.assertEqual(container["ports"], [{"name": "console", "containerPort": 8080}])
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                self.assertEqual(container[probe][kind], expected)


if __name__ == "__main__":
    unittest.main()
