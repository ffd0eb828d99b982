"""Who may call whom."""

import unittest

from chart import STAGES, WORKLOADS, named, objects, of_kind


def ports(rules):
    """The ports of a policy's rules."""
    return sorted({port["port"] for rule in rules for port in rule["ports"]})


UNTESTED = {"tests": {"enabled": False}}


def ingress(scenario, component, values=None):
    policy = named(objects(scenario, values=values), "NetworkPolicy", component)
    return policy["spec"]["ingress"]


def egress(scenario, component):
    policy = named(objects(scenario), "NetworkPolicy", component)
    return ports(policy["spec"]["egress"])


def admits(component, rule):
    """True where a rule is for pods of this component, or for all of the release."""
    labels = {"app.kubernetes.io/name": "chatkeep", "app.kubernetes.io/instance": "chatkeep"}
    labels["app.kubernetes.io/component"] = component
    selectors = [peer["podSelector"]["matchLabels"] for peer in rule["from"] if "podSelector" in peer]
    return any(selector.items() <= labels.items() for selector in selectors)


class Policies(unittest.TestCase):
    def test_every_workload_has_a_policy_for_both_directions(self):
        for scenario in ("minimal", "azure", "all-in-one"):
            found = objects(scenario)
            for item in of_kind(found, *WORKLOADS):
                component = item["metadata"]["labels"]["app.kubernetes.io/component"]
                policy = named(found, "NetworkPolicy", component)["spec"]
                self.assertEqual(policy["podSelector"], item["spec"]["selector"])
                self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])

    def test_nobody_calls_a_stage(self):
        for component in STAGES:
            self.assertEqual(ingress("minimal", component, UNTESTED), [])

    def test_control_is_called_by_the_release_alone(self):
        (rule,) = ingress("minimal", "control", UNTESTED)

        release = {"app.kubernetes.io/name": "chatkeep", "app.kubernetes.io/instance": "chatkeep"}
        self.assertEqual(rule["from"], [{"podSelector": {"matchLabels": release}}])
        self.assertEqual(ports([rule]), [50051])

    def test_prometheus_reads_the_admin_port_and_nothing_else(self):
        for component in STAGES:
            (rule,) = ingress("azure", component, UNTESTED)
            self.assertEqual(ports([rule]), [9090])

    def test_the_console_is_opened_by_its_router_and_the_command_line_where_it_runs(self):
        release, console = ingress("ingress", "control", UNTESTED)

        self.assertIn({"podSelector": {"matchLabels": {"role": "administration"}}}, release["from"])
        self.assertEqual(ports([console]), [8080])

    def test_where_there_is_a_console_control_calls_the_stages_and_the_issuer(self):
        control = {"app.kubernetes.io/name": "chatkeep", "app.kubernetes.io/instance": "chatkeep"}
        control["app.kubernetes.io/component"] = "control"
        for component in STAGES:
            (rule,) = ingress("gateway", component, UNTESTED)
            self.assertEqual(rule["from"], [{"podSelector": {"matchLabels": control}}])
            self.assertEqual(ports([rule]), [50051])
        self.assertEqual(egress("gateway", "control"), [53, 443, 5432, 5671, 50051])
        elsewhere = {"console": {"issuer": "https://login.example.com:8443"}}
        policy = named(objects("gateway", values=elsewhere), "NetworkPolicy", "control")
        self.assertIn(8443, ports(policy["spec"]["egress"]))

    def test_each_program_calls_what_it_needs(self):
        # DNS, RabbitMQ, storage; control's ledger, the stages' control, what connectors name.
        self.assertEqual(egress("minimal", "control"), [53, 443, 5432, 5671])
        self.assertEqual(egress("minimal", "conversion"), [53, 443, 5671, 50051])
        self.assertEqual(egress("minimal", "ingestion"), [53, 443, 1433, 5671, 50051])
        self.assertEqual(egress("minimal", "mapping"), [53, 389, 443, 636, 3268, 3269, 5671, 50051])
        self.assertEqual(egress("minimal", "mailbox-import"), [53, 143, 443, 993, 5671, 50051])

    def test_the_test_reaches_every_program_at_both_ports_and_nothing_else(self):
        self.assertEqual(egress("gateway", "test"), [53, 9090, 50051])
        self.assertEqual(ingress("gateway", "test"), [])
        for component in [*STAGES, "control"]:
            rules = [rule for rule in ingress("gateway", component) if admits("test", rule)]
            self.assertEqual(ports(rules), [9090, 50051])

    def test_where_there_is_no_console_the_test_calls_no_stage_over_grpc(self):
        for component in STAGES:
            (rule,) = ingress("minimal", component)
            self.assertTrue(admits("test", rule))
            self.assertEqual(ports([rule]), [9090])

    def test_ports_are_those_of_the_urls(self):
        # Traces to 4317; a folder needs no storage; a URL without a port has its scheme's.
        self.assertIn(4317, egress("azure", "conversion"))
        self.assertEqual(egress("folder", "conversion"), [53, 5671, 50051])
        self.assertEqual(egress("private-authorities", "control"), [53, 443, 5432, 5671])

    def test_reports_go_out_on_the_port_of_the_mail_server_and_from_control_alone(self):
        self.assertIn(587, egress("ingress", "control"))
        self.assertNotIn(587, egress("ingress", "mailbox-import"))
        self.assertIn(587, egress("all-in-one-ingress", "all-in-one"))
        elsewhere = {"smtp": {"port": 2525}}
        policy = named(objects("ingress", values=elsewhere), "NetworkPolicy", "control")
        self.assertIn(2525, ports(policy["spec"]["egress"]))

    def test_the_service_of_the_machines_identity_is_reached_only_by_those_who_use_it(self):
        def reaches(scenario):
            rules = named(objects(scenario), "NetworkPolicy", "conversion")["spec"]["egress"]
            return any("169.254.169.254/32" in str(rule["to"]) for rule in rules)

        self.assertTrue(reaches("managed-identity"))
        self.assertFalse(reaches("azure"))
        rules = named(objects("azure"), "NetworkPolicy", "conversion")["spec"]["egress"]
        blocks = [peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]
        self.assertEqual([block["except"] for block in blocks], [["169.254.0.0/16"], ["fe80::/10"]])


class Routes(unittest.TestCase):
    def test_routes_lead_to_a_port_that_the_service_and_the_pod_have(self):
        routed = {"ingress": "control", "gateway": "control", "all-in-one-ingress": "all-in-one"}
        for scenario, component in routed.items():
            with self.subTest(scenario):
                found = objects(scenario)
                (route,) = of_kind(found, "Ingress", "HTTPRoute")
                self.assertIn(f"chatkeep-{component}", str(route["spec"]))
                service = named(found, "Service", component)
                console = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}["console"]
                item = named(found, "StatefulSet", component) or named(found, "Deployment", component)
                pod = item["spec"]["template"]
                self.assertEqual(service["spec"]["selector"], item["spec"]["selector"]["matchLabels"])
                self.assertIn(console, [port["name"] for port in pod["spec"]["containers"][0]["ports"]])

    def test_control_has_no_console_where_nobody_asks_for_it(self):
        service = named(objects(), "Service", "control")

        self.assertEqual([port["name"] for port in service["spec"]["ports"]], ["grpc", "admin"])


class Identities(unittest.TestCase):
    def test_each_service_has_the_identity_that_it_is_given(self):
        found = objects("azure")

        def identity(component):
            annotations = named(found, "ServiceAccount", component)["metadata"]["annotations"]
            return annotations["azure.workload.identity/client-id"][-1]

        self.assertEqual(identity("conversion"), "1")
        self.assertEqual(identity("mailbox-import"), "2")
        for item in of_kind(found, "Deployment"):
            pod = item["spec"]["template"]
            self.assertEqual(pod["metadata"]["labels"]["azure.workload.identity/use"], "true")
            self.assertEqual(pod["spec"]["serviceAccountName"], item["metadata"]["name"])

    def test_accounts_that_exist_are_used_and_none_is_made(self):
        found = objects("existing-accounts")

        accounts = {item["spec"]["template"]["spec"]["serviceAccountName"] for item in of_kind(found, "Deployment")}
        self.assertEqual(accounts, {"archive"})
        self.assertEqual(of_kind(found, "ServiceAccount"), [])


if __name__ == "__main__":
    unittest.main()
