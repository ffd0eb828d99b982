"""Values that cannot be right are refused, and what is said helps."""

import json
import unittest

import yaml

from chart import CHART, helm, refusal

# What is wrong, the values, what helm must say.
BY_THE_SCHEMA = [
    ("a form that is none", {"form": "embedded"}, ["/form", "'distributed', 'all-in-one'"]),
    ("a misspelt section", {"queues": {}}, ["'queues' not allowed"]),
    ("a misspelt key", {"queue": {"existingSecrets": "a"}}, ["/queue", "'existingSecrets' not allowed"]),
    ("a service that is none", {"services": {"gateway": {}}}, ["/services", "'gateway' not allowed"]),
    ("a misspelt key of a service", {"services": {"mapping": {"replica": 2}}}, ["/services/mapping", "'replica'"]),
    ("no pods", {"services": {"mapping": {"replicas": 0}}}, ["/services/mapping/replicas", "minimum"]),
    ("a number as text", {"ledger": {"connections": "10"}}, ["/ledger/connections", "want integer"]),
    ("another protocol for the queue", {"queue": {"url": "http://a"}}, ["/queue/url", "amqps?://"]),
    ("a password in the queue's URL", {"queue": {"url": "amqp://u:p@a/b"}}, ["/queue/url", "does not match"]),
    ("a password in the ledger's URL", {"ledger": {"url": "postgres://u:p@a/b"}}, ["/ledger/url", "does not match"]),
    ("another database", {"ledger": {"url": "mysql://a/b"}}, ["/ledger/url", "postgres"]),
    ("a mail server with a port in its name", {"smtp": {"host": "a:25"}}, ["/smtp/host", "does not match"]),
    ("another encryption of mail", {"smtp": {"tls": "ssl"}}, ["/smtp/tls", "'starttls', 'implicit', 'none'"]),
    ("a storage that is none", {"staging": {"kind": "s3"}}, ["/staging/kind", "'azure', 'folder'"]),
    (
        "a way to sign in that is none",
        {"staging": {"azure": {"credential": "key"}}},
        ["/staging/azure/credential", "'sas'"],
    ),
    (
        "a signature in the container's URL",
        {"staging": {"azure": {"url": "https://a/b?sig=x"}}},
        ["/staging/azure/url"],
    ),
    ("a container without a name", {"staging": {"azure": {"url": "https://a"}}}, ["/staging/azure/url"]),
    ("a scaler that is none", {"defaults": {"autoscaling": {"type": "vpa"}}}, ["/defaults/autoscaling/type", "'keda'"]),
    ("more than everything", {"telemetry": {"sample": 2}}, ["/telemetry/sample", "maximum"]),
    ("a log format that is none", {"telemetry": {"format": "xml"}}, ["/telemetry/format", "'json', 'text'"]),
    (
        "a client id that is none",
        {"defaults": {"workloadIdentity": {"clientId": "me"}}},
        ["/workloadIdentity/clientId"],
    ),
    ("a size without a unit", {"defaults": {"scratch": {"sizeLimit": "5"}}}, ["/defaults/scratch/sizeLimit"]),
    ("a port that is none", {"services": {"mapping": {"egressPorts": [70000]}}}, ["/services/mapping/egressPorts/0"]),
    ("shards that are not there", {"throttle": {"connections": 65}}, ["/throttle/connections", "maximum"]),
    ("two nodes of a quorum", {"queue": {"operator": {"replicas": 2}}}, ["/queue/operator/replicas"]),
    ("a digest that is none", {"image": {"digests": {"control": "latest"}}}, ["/image/digests/control", "sha256"]),
    ("a digest of an unknown program", {"image": {"digests": {"janitor": "sha256:" + 64 * "0"}}}, ["/image/digests", "janitor"]),
    ("a section of settings that is none", {"settings": {"queue": 1}}, ["/settings/queue", "want object"]),
    (
        "a peer of no kind",
        {"networkPolicy": {"monitoringFrom": [{"namespace": "a"}]}},
        ["/networkPolicy/monitoringFrom/0"],
    ),
    ("an issuer without TLS", {"console": {"issuer": "http://a"}}, ["/console/issuer", "https://"]),
    ("a path in browsers' address", {"console": {"publicUrl": "https://a/b"}}, ["/console/publicUrl"]),
    ("a link without a trace", {"console": {"traces": "https://a/b"}}, ["/console/traces", "does not match"]),
    (
        "runbooks that are nowhere",
        {"monitoring": {"prometheusRule": {"runbooks": "docs"}}},
        ["/monitoring/prometheusRule/runbooks"],
    ),
    ("a name that is too long", {"fullnameOverride": "a" * 39}, ["/fullnameOverride", "maxLength"]),
]
KEDA = {"services": {"conversion": {"autoscaling": {"type": "keda"}}}}
MANY = {"services": {"mailboxImport": {"replicas": 9}}}
BY_THE_TEMPLATES = [
    ("no image", {"image": {"repository": ""}}, ["image.repository: name"]),
    ("no certificates", {"grpc": {"plaintext": False}}, ["grpc.existingSecret: name", "grpc.plaintext"]),
    ("certificates and none", {"grpc": {"existingSecret": "a"}}, ["exclude each other"]),
    ("no queue", {"queue": {"url": ""}}, ["queue.url: say where"]),
    ("no user of the queue", {"queue": {"existingSecret": ""}}, ["queue.existingSecret: name"]),
    ("two queues", {"queue": {"operator": {"enabled": True}}}, ["remove queue.url"]),
    ("no ledger", {"ledger": {"url": "", "existingSecret": ""}}, ["ledger.url: say", "ledger.existingSecret: name"]),
    ("no container", {"staging": {"azure": {"url": ""}}}, ["staging.azure.url: say which"]),
    ("no signature", {"staging": {"azure": {"existingSecret": ""}}}, ["staging.azure.existingSecret", "sas"]),
    (
        "no identity",
        {"staging": {"azure": {"credential": "workload-identity"}}},
        ["workloadIdentity.enabled", "control"],
    ),
    ("an identity without id", {"defaults": {"workloadIdentity": {"enabled": True}}}, ["workloadIdentity.clientId of"]),
    ("half an application", {"staging": {"azure": {"credential": "client-secret"}}}, ["needs client and tenant"]),
    ("no folder", {"staging": {"kind": "folder"}}, ["staging.folder.existingClaim"]),
    (
        "two authorities",
        {"queue": {"ca": {"secret": "a", "configMap": "b"}}},
        ["queue.ca: secret and configMap exclude"],
    ),
    ("KEDA that cannot look", KEDA, ["queue.management.url", "conversion"]),
    (
        "KEDA without a queue",
        {"services": {"control": {"autoscaling": {"type": "keda"}}}},
        ["control: it has no queue"],
    ),
    ("pods and a scaler", {"services": {"mapping": {"replicas": 2, "autoscaling": {"type": "hpa"}}}}, ["keep one"]),
    ("HPA from nothing", {"defaults": {"autoscaling": {"type": "hpa", "minReplicas": 0}}}, ["hpa needs minReplicas"]),
    ("more at least than at most", {"defaults": {"autoscaling": {"minReplicas": 9}}}, ["minReplicas is above"]),
    ("more importers than the mail server takes", MANY, ["9 pods with 8 connections", "throttle.connections, 64"]),
    ("a budget that is too small", {"throttle": {"connections": 4}}, ["1 pods with 8 connections", "4"]),
    (
        "metrics that nobody may read",
        {"monitoring": {"podMonitor": {"enabled": True}}},
        ["networkPolicy.monitoringFrom"],
    ),
    ("a console without a host", {"ingress": {"enabled": True}}, ["ingress.hosts", "networkPolicy.consoleFrom"]),
    ("a console without a gateway", {"httpRoute": {"enabled": True}}, ["httpRoute.parentRefs", "console.issuer"]),
    ("a console without an address", {"console": {"issuer": "https://a"}}, ["console.clientId", "console.publicUrl"]),
    (
        "mappings on two volumes",
        {"form": "all-in-one", "console": {"mappings": {"existingClaim": "a"}}},
        ["console.mappings.existingClaim"],
    ),
    ("reports from nobody", {"smtp": {"host": "mail"}}, ["smtp.from: give"]),
    ("reports to no server", {"smtp": {"from": "a@b.c"}}, ["smtp.host: name"]),
    (
        "a password in the clear",
        {"smtp": {"host": "mail", "from": "a@b.c", "tls": "none", "existingSecret": "a"}},
        ["smtp.tls: must not be none"],
    ),
    ("a reserved name of secrets", {"defaults": {"secretFiles": {"queue": "a"}}}, ["secretFiles", "queue", "reserved"]),
]


class Values(unittest.TestCase):
    def assert_refused(self, cases):
        for what, values, said in cases:
            with self.subTest(what):
                refused = refusal(values)
                for expected in said:
                    self.assertIn(expected, refused)

    def test_the_schema_refuses_what_is_no_value_and_names_the_place(self):
        self.assert_refused(BY_THE_SCHEMA)

    def test_templates_refuse_what_does_not_fit_together_and_say_what_to_do(self):
        self.assert_refused(BY_THE_TEMPLATES)

    def test_everything_that_does_not_fit_is_told_at_once(self):
        said = refusal({"queue": {"url": ""}, "ledger": {"url": ""}, "image": {"repository": ""}})

        for expected in ("image.repository", "queue.url", "ledger.url"):
            self.assertIn(expected, said)

    def test_the_least_that_is_needed_is_taken(self):
        self.assertEqual(refusal({}), "")

    def test_the_chart_without_values_is_well_formed(self):
        linted = helm("lint", "--strict", CHART)

        self.assertEqual(linted.returncode, 0, linted.stderr)
        self.assertIn("0 chart(s) failed", linted.stdout)


def keys(schema, root, path=""):
    """Every key that the schema knows, down to where values are free; those of a pod once."""
    reference = schema.get("$ref", "").removeprefix("#/definitions/")
    if reference == "pod" and path != "defaults":
        return
    schema = root["definitions"].get(reference, schema)
    for key, below in schema.get("properties", {}).items():
        place = f"{path}.{key}".strip(".")
        yield place
        yield from keys(below, root, place)


class Schema(unittest.TestCase):
    def test_every_value_that_the_schema_knows_stands_in_the_values_file(self):
        schema = json.loads((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        known = [place.split(".") for place in keys(schema, schema)]
        missing = [place for place in known if not has(values, place)]

        self.assertGreater(len(known), 100)
        self.assertEqual(missing, [])


def has(values, path):
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


if __name__ == "__main__":
    unittest.main()
