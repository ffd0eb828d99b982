"""How many pods there are, and who may end them."""

import unittest

from chart import REPOSITORY, SCENARIOS, named, objects, of_kind


def scalers():
    """Every scaler of every scenario: scenario, its objects, scaler."""
    for scenario in SCENARIOS:
        found = objects(scenario)
        for item in of_kind(found, "ScaledObject", "HorizontalPodAutoscaler"):
            yield scenario, found, item


class Scaling(unittest.TestCase):
    def test_a_scaler_scales_a_deployment_that_leaves_the_number_to_it(self):
        kinds = set()
        for scenario, found, item in scalers():
            with self.subTest(f"{scenario}: {item['metadata']['name']}"):
                target = item["spec"]["scaleTargetRef"]
                (deployment,) = [
                    other for other in of_kind(found, "Deployment") if other["metadata"]["name"] == target["name"]
                ]
                self.assertNotIn("replicas", deployment["spec"])
                kinds.add(item["kind"])

        self.assertEqual(kinds, {"ScaledObject", "HorizontalPodAutoscaler"})

    def test_what_has_no_scaler_has_a_number(self):
        for scenario in SCENARIOS:
            found = objects(scenario)
            scaled = {item["metadata"]["name"] for item in of_kind(found, "ScaledObject", "HorizontalPodAutoscaler")}
            for item in of_kind(found, "Deployment"):
                self.assertEqual("replicas" in item["spec"], item["metadata"]["name"] not in scaled, scenario)

    def test_each_stage_scales_on_its_own_queue(self):
        documented = (REPOSITORY / "docs" / "operations.md").read_text()
        queues = {}
        for item in of_kind(objects("azure"), "ScaledObject"):
            (trigger,) = item["spec"]["triggers"]
            component = item["metadata"]["labels"]["app.kubernetes.io/component"]
            queues[component] = trigger["metadata"]["queueName"]
            self.assertIn(f"`{queues[component]}`", documented)

        expected = {name: f"chatkeep.{name}" for name in ("ingestion", "conversion", "mapping", "mailbox-import")}
        self.assertEqual(queues, expected)

    def test_a_scaler_for_all_is_one_for_the_stages(self):
        values = {
            "queue": {"management": {"url": "http://rabbitmq.example.com:15672"}},
            "defaults": {"autoscaling": {"type": "keda"}},
        }
        found = objects(values=values)

        scaled = {item["metadata"]["name"] for item in of_kind(found, "ScaledObject")}
        self.assertEqual(len(scaled), 4)
        self.assertEqual(named(found, "Deployment", "control")["spec"]["replicas"], 2)

    def test_messages_that_are_worked_on_count(self):
        for item in of_kind(objects("azure"), "ScaledObject"):
            (trigger,) = item["spec"]["triggers"]
            metadata = trigger["metadata"]
            self.assertEqual(trigger["type"], "rabbitmq")
            self.assertEqual((metadata["protocol"], metadata["excludeUnacknowledged"]), ("http", "false"))
            self.assertEqual((metadata["mode"], metadata["activationValue"]), ("QueueLength", "0"))
            # KEDA takes text alone.
            self.assertTrue(all(isinstance(value, str) for value in metadata.values()))

    def test_the_password_of_rabbitmq_is_no_part_of_a_url(self):
        (authentication,) = of_kind(objects("azure"), "TriggerAuthentication")
        references = authentication["spec"]["secretTargetRef"]
        host = of_kind(objects("azure"), "ScaledObject")[0]["spec"]["triggers"][0]["metadata"]["host"]

        self.assertEqual([found["parameter"] for found in references], ["username", "password"])
        self.assertEqual({found["name"] for found in references}, {"chatkeep-monitoring"})
        self.assertEqual(host, "https://rabbitmq.example.com:15671/")

    def test_the_virtual_host_is_that_of_the_queue(self):
        def hosts(scenario):
            scaled = of_kind(objects(scenario), "ScaledObject")
            return {item["spec"]["triggers"][0]["metadata"]["vhostName"] for item in scaled}

        self.assertEqual(hosts("azure"), {"chatkeep"})
        self.assertEqual(hosts("rabbitmq-operator"), {"/"})

    def test_a_broker_that_does_not_answer_removes_no_pod(self):
        for item in of_kind(objects("azure"), "ScaledObject"):
            self.assertEqual(item["spec"]["fallback"]["behavior"], "currentReplicasIfHigher")

    def test_importers_never_have_more_connections_than_the_mail_server_takes(self):
        scaled = named(objects("azure"), "ScaledObject", "mailbox-import")

        # 8 connections each, 64 at most; nine are refused: test_values.py.
        self.assertEqual(scaled["spec"]["maxReplicaCount"], 8)

    def test_a_service_may_sleep_until_there_is_work(self):
        self.assertEqual(named(objects("azure"), "ScaledObject", "conversion")["spec"]["minReplicaCount"], 0)


class Budgets(unittest.TestCase):
    def test_there_is_a_budget_only_where_there_are_two_pods(self):
        def budgets(scenario):
            found = of_kind(objects(scenario), "PodDisruptionBudget")
            return {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in found}

        self.assertEqual(budgets("minimal"), {"control"})
        self.assertEqual(budgets("azure"), {"control", "mapping"})
        self.assertEqual(budgets("one-node"), set())
        self.assertEqual(budgets("all-in-one"), set())

    def test_a_budget_selects_its_deployment_and_lets_go_what_is_not_ready(self):
        for item in of_kind(objects("azure"), "PodDisruptionBudget"):
            component = item["metadata"]["labels"]["app.kubernetes.io/component"]
            deployment = named(objects("azure"), "Deployment", component)
            self.assertEqual(item["spec"]["selector"], deployment["spec"]["selector"])
            self.assertEqual(item["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow")
            self.assertEqual(item["spec"]["maxUnavailable"], 1)

    def test_pods_of_one_service_are_spread_over_zones_and_nodes(self):
        deployment = named(objects("azure"), "Deployment", "control")
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]

        keys = [found["topologyKey"] for found in spread]
        self.assertEqual(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
        for found in spread:
            self.assertEqual(found["labelSelector"], deployment["spec"]["selector"])


if __name__ == "__main__":
    unittest.main()
