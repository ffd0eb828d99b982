"""The programs take the settings that the chart renders."""

import os
import re
import socket
import subprocess
import tempfile
import time
import tomllib
import unittest
from pathlib import Path

from chart import REPOSITORY, SCENARIOS, STAGES, named, objects, of_kind

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
PROGRAMS = Path(os.environ.get("CHATKEEP_BIN", TARGET / "debug"))


def make_secrets(folder):
    """What pods find below /run/secrets: a certificate for everything that is one, words for the rest."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl += ["-subj", "/CN=chatkeep-control", "-keyout", key, "-out", certificate]
    subprocess.run(openssl, check=True, capture_output=True)
    return certificate, key


def mount(spec, folder, certificate, key):
    """Fills the secrets that the pod's container mounts, as references of the settings name them."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mounted in spec["containers"][0]["volumeMounts"]:
        path = Path(mounted["mountPath"])
        if not path.is_relative_to("/run/secrets"):
            continue
        place = folder / path.relative_to("/")
        place.mkdir(parents=True, exist_ok=True)
        assert {"secret", "configMap"} & set(volumes[mounted["name"]]), mounted
        for file in ("ca.crt", "root.pem", "tls.crt"):
            (place / file).write_bytes(certificate.read_bytes())
        (place / "tls.key").write_bytes(key.read_bytes())
        for file in ("username", "password", "user", "pass", "secret"):
            (place / file).write_text("a word")


def check(program, settings, folder):
    """What the program says of its settings."""
    file = folder / "settings.toml"
    file.write_text(settings.replace("/run/secrets", f"{folder}/run/secrets"))
    command = [PROGRAMS / program, "--config", file, "--check-config"]
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


class Settings(unittest.TestCase):
    def each(self):
        """Every program of every scenario that has some: label, program, settings, pod."""
        for scenario in SCENARIOS:
            for item in of_kind(objects(scenario), "Deployment"):
                program = item["metadata"]["labels"]["app.kubernetes.io/component"]
                files = of_kind(objects(scenario), "ConfigMap")
                name = item["metadata"]["name"]
                (file,) = [found["data"] for found in files if found["metadata"]["name"] == name]
                spec = item["spec"]["template"]["spec"]
                yield f"{scenario}: {program}", program, file["settings.toml"], spec

    def test_each_program_takes_its_settings_in_every_scenario(self):
        checked = set()
        with tempfile.TemporaryDirectory() as made:
            certificate, key = make_secrets(Path(made))
            for label, program, settings, spec in self.each():
                with self.subTest(label), tempfile.TemporaryDirectory() as folder:
                    mount(spec, Path(folder), certificate, key)
                    said = check(program, settings, Path(folder))
                    self.assertEqual((said.returncode, said.stderr), (0, ""))
                    checked.add(program)

        self.assertEqual(checked, {*STAGES, "control"})

    def test_settings_of_the_values_reach_the_program(self):
        values = {"services": {"conversion": {"settings": {"conversion": {"concurency": 3}}}}}
        found = named(objects(values=values), "ConfigMap", "conversion")
        spec = named(objects(values=values), "Deployment", "conversion")["spec"]["template"]["spec"]

        with tempfile.TemporaryDirectory() as folder:
            certificate, key = make_secrets(Path(folder))
            mount(spec, Path(folder), certificate, key)
            said = check("conversion", found["data"]["settings.toml"], Path(folder))

        self.assertEqual(said.returncode, 1)
        self.assertIn("conversion.concurency: unknown key", said.stderr)

    def test_a_service_wins_over_all_and_all_over_the_chart(self):
        values = {
            "settings": {"queue": {"timeout": "20s", "prefix": "ours"}},
            "services": {"mapping": {"settings": {"queue": {"timeout": "30s"}}}},
        }
        found = objects(values=values)

        queues = [
            tomllib.loads(named(found, "ConfigMap", program)["data"]["settings.toml"])["queue"]
            for program in ("conversion", "mapping")
        ]
        self.assertEqual([queue["timeout"] for queue in queues], ["20s", "30s"])
        self.assertEqual([queue["prefix"] for queue in queues], ["ours", "ours"])

    def test_control_is_told_of_the_console_and_where_the_stages_are(self):
        found = named(objects("ingress"), "ConfigMap", "control")
        made = tomllib.loads(found["data"]["settings.toml"])

        console = made["console"]
        self.assertEqual(console["address"], "0.0.0.0:8080")
        self.assertEqual(console["public_url"], "https://archive.example.com")
        self.assertEqual(console["client_secret"], "file:/run/secrets/console/secret")
        self.assertEqual(made["services"]["mailbox_import"], "https://chatkeep-mailbox-import:50051")
        for service in of_kind(objects("ingress"), "Service"):
            self.assertEqual(service["spec"]["ports"][0]["port"], 50051)
            self.assertIn(9090, [port["port"] for port in service["spec"]["ports"]])
        services = {service["metadata"]["name"] for service in of_kind(objects("ingress"), "Service")}
        hosts = {url.split("/")[2].split(":")[0] for url in made["services"].values()}
        self.assertEqual(services, hosts | {"chatkeep-control"})

    def test_the_console_is_told_what_shows_traces(self):
        traces = "https://jaeger.example.com/trace/{trace}"
        found = named(objects("ingress", values={"console": {"traces": traces}}), "ConfigMap", "control")

        self.assertEqual(tomllib.loads(found["data"]["settings.toml"])["console"]["traces"], traces)
        without = named(objects("ingress"), "ConfigMap", "control")
        self.assertNotIn("traces", tomllib.loads(without["data"]["settings.toml"])["console"])

    def test_control_is_told_of_the_mail_server_and_has_what_it_signs_in_with(self):
        found = named(objects("ingress"), "ConfigMap", "control")
        smtp = tomllib.loads(found["data"]["settings.toml"])["control"]["smtp"]

        expected = {
            "host": "smtp.example.com",
            "tls": "starttls",
            "from": "chatkeep@example.com",
            "user": "file:/run/secrets/smtp/username",
            "password": "file:/run/secrets/smtp/password",
            "ca": "/run/secrets/smtp-ca/ca.crt",
        }
        self.assertEqual(smtp, expected)
        spec = named(objects("ingress"), "Deployment", "control")["spec"]["template"]["spec"]
        mounted = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
        self.assertLessEqual({"/run/secrets/smtp", "/run/secrets/smtp-ca"}, mounted)
        without = named(objects("gateway"), "ConfigMap", "control")["data"]["settings.toml"]
        self.assertNotIn("smtp", tomllib.loads(without)["control"])

    def test_connector_files_may_name_the_secrets_that_are_mounted_for_them(self):
        def references(**values):
            made = named(objects("ingress", values=values), "ConfigMap", "control")["data"]["settings.toml"]
            return tomllib.loads(made)["control"]["references"]

        key = {"secretFiles": {"key": "chatkeep-key"}}
        key["settings"] = {"control": {"secrets_key": "file:/run/secrets/key/key"}}
        sources = {"secretFiles": {"sql": "sql-login"}}

        self.assertEqual(references(), [])
        # The key of stored secrets is no connector's.
        mounted = references(services={"ingestion": sources, "control": key})
        self.assertEqual(mounted, ["file:/run/secrets/sql/*"])
        by_variable = key | {"settings": {}}
        by_variable["extraEnv"] = {"CHATKEEP__CONTROL__SECRETS_KEY": "file:/run/secrets/key/key"}
        self.assertEqual(references(services={"control": by_variable}), [])
        listed = {"control": {"references": ["env:SQL_*"]}}
        self.assertEqual(references(services={"ingestion": sources}, settings=listed), ["env:SQL_*"])
        without = named(objects("minimal"), "ConfigMap", "control")["data"]["settings.toml"]
        self.assertNotIn("references", tomllib.loads(without)["control"])

    def test_mappings_of_pages_are_written_by_control_and_read_by_mapping(self):
        def mounts(component):
            spec = named(objects("ingress"), "Deployment", component)["spec"]["template"]["spec"]
            mounted = spec["containers"][0]["volumeMounts"]
            return [mount.get("readOnly", False) for mount in mounted if mount["mountPath"] == "/mappings"]

        made = named(objects("ingress"), "ConfigMap", "control")["data"]["settings.toml"]
        self.assertEqual(tomllib.loads(made)["console"]["mappings"], "/mappings")
        self.assertEqual([mounts("control"), mounts("mapping"), mounts("ingestion")], [[False], [True], []])
        refused = named(objects("gateway"), "ConfigMap", "control")["data"]["settings.toml"]
        self.assertNotIn("mappings", tomllib.loads(refused)["console"])

    def test_the_one_program_gets_its_settings_as_variables(self):
        (item,) = of_kind(objects("all-in-one-ingress"), "StatefulSet")
        container = item["spec"]["template"]["spec"]["containers"][0]
        variables = {variable["name"]: variable["value"] for variable in container["env"]}

        expected = {
            "CHATKEEP__CONSOLE__CLIENT_ID": "chatkeep",
            "CHATKEEP__CONSOLE__CLIENT_SECRET": "file:/run/secrets/console/secret",
            "CHATKEEP__CONSOLE__ISSUER": "https://login.example.com",
            "CHATKEEP__CONSOLE__PUBLIC_URL": "https://archive.example.com",
            "CHATKEEP__CONSOLE__ROLES_CLAIM": "roles",
            "CHATKEEP__CONTROL__LINGER": "10s",
            "CHATKEEP__CONTROL__REFERENCES": "[]",
            "CHATKEEP__CONTROL__JANITOR__AFTER": "7days",
            "CHATKEEP__CONTROL__SMTP__CA": "/run/secrets/smtp-ca/ca.crt",
            "CHATKEEP__CONTROL__SMTP__FROM": "chatkeep@example.com",
            "CHATKEEP__CONTROL__SMTP__HOST": "smtp.example.com",
            "CHATKEEP__CONTROL__SMTP__PASSWORD": "file:/run/secrets/smtp/password",
            "CHATKEEP__CONTROL__SMTP__TLS": "starttls",
            "CHATKEEP__CONTROL__SMTP__USER": "file:/run/secrets/smtp/username",
            "CHATKEEP__MAILBOX_IMPORT__CONNECTIONS": "4",
        }
        self.assertEqual(variables, expected)
        sample = REPOSITORY / "examples" / "contoso" / "connector.toml"
        refused = variables | {"CHATKEEP__CONTROL__LINGERR": "10s"}
        with tempfile.TemporaryDirectory() as folder:
            command = [PROGRAMS / "chatkeep", "--data-dir", folder, "archive", "--dry-run", sample]
            taken, untaken = [
                subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                for environment in (variables, refused)
            ]
        # The sample has somebody without a mailbox: closed with exceptions.
        self.assertEqual(taken.returncode, 2, taken.stderr)
        self.assertIn("CHATKEEP__CONTROL__LINGERR: unknown key", untaken.stderr)

    def test_the_test_asks_where_services_are_and_its_command_line_is_taken(self):
        found = objects("ingress", values={"grpc": {"plaintext": True, "existingSecret": ""}})
        pod = named(found, "Pod", "test")["spec"]["containers"][0]
        variables = {variable["name"]: variable["value"] for variable in pod["env"]}
        services = of_kind(found, "Service")
        asked = {argument.split("//")[1] for argument in pod["args"][1:]}
        asked.add(variables["CHATKEEP_CONTROL"].split("//")[1])
        self.assertEqual(
            asked,
            {
                f"{service['metadata']['name']}:{port['port']}"
                for service in services
                for port in service["spec"]["ports"]
                if port["name"] != "console"
            },
        )
        # Where nobody listens.
        variables["CHATKEEP_CONTROL"] = "http://127.0.0.1:9"
        arguments = [re.sub("//.*", "//127.0.0.1:9", argument) for argument in pod["args"]]

        command = [PROGRAMS / pod["command"][0], *arguments]
        said = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

        self.assertEqual(said.returncode, 1)
        self.assertEqual(said.stderr.count("no connection"), 5, said.stderr)
        self.assertEqual(said.stderr.count("connect to http://127.0.0.1:9"), 5, said.stderr)

    def test_the_one_program_listens_where_it_is_probed_and_ends_when_it_is_told_to(self):
        (item,) = of_kind(objects("all-in-one"), "StatefulSet")
        container = item["spec"]["template"]["spec"]["containers"][0]
        with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
            free.close()
            port = container["ports"][0]["containerPort"]
            places = {"/data": f"{folder}/data", f"127.0.0.1:{port}": address}
            arguments = [places.get(argument, argument) for argument in container["args"]]
            self.assertEqual(len(set(arguments) - set(container["args"])), 2)

            command = [PROGRAMS / container["command"][0], *arguments]
            program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            is_reached = wait_until_reached(address, program)
            probe = container["readinessProbe"]["exec"]["command"]
            probe = [PROGRAMS / probe[0], *[part.replace(f"127.0.0.1:{port}", address) for part in probe[1:]]]
            self.assertIn(f"http://{address}", probe)
            probed = subprocess.run(probe, capture_output=True, text=True, check=False)
            program.terminate()
            grace = item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
            _, said = program.communicate(timeout=grace)

        self.assertTrue(is_reached, said)
        self.assertEqual(probed.returncode, 0, probed.stderr)
        self.assertEqual(program.returncode, 0, said)


def wait_until_reached(address, program):
    """True when something listens there before the program ends or half a minute is over."""
    host, port = address.split(":")
    until = time.monotonic() + 30
    while time.monotonic() < until and program.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


if __name__ == "__main__":
    unittest.main()
