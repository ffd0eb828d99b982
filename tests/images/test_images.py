"""What is in the images, and that their programs work in them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from images import BUILT, PROGRAMS, REPOSITORY, SERVICES, USER, config, files, give, root, run, size

MEGABYTE = 1_000_000
SETTINGS = """
[grpc]
plaintext = true
[queue]
url = "amqp://rabbitmq:5672/%2f"
user = "file:/data/word"
password = "file:/data/word"
[staging]
kind = "folder"
path = "/data/staging"
"""
CONTROL = """
[data]
path = "/data/control"
[control.postgres]
url = "postgres://chatkeep@postgres:5432/ledger"
password = "file:/data/word"
"""
STAGE = '\n[control]\nurl = "http://control:50051"\n'


class Contents(unittest.TestCase):
    def test_an_image_is_smaller_than_40_megabytes_as_a_registry_keeps_it(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertLess(size(program), 40 * MEGABYTE)

    def test_an_image_has_its_program_and_no_shell_and_that_of_control_the_command_line(self):
        for program in PROGRAMS:
            with self.subTest(program):
                runnable = {file for file in files(program) if file.stat().st_mode & 0o111}
                expected = {program, "chatkeep"} if program == "control" else {program}
                self.assertEqual(runnable, {root(program) / "usr/local/bin" / one for one in expected})

    def test_an_image_runs_its_program_as_a_user_without_rights(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertEqual(config(program)["User"], USER)
                self.assertEqual(config(program)["Entrypoint"], [program])
                self.assertIn("PATH=/usr/local/bin", config(program)["Env"])
                self.assertEqual(config(program)["StopSignal"], "SIGTERM")
                owned = {file.relative_to(root(program)) for file in root(program).rglob("*") if file.stat().st_uid}
                self.assertEqual(owned, {Path("data")})
                self.assertEqual((root(program) / "tmp").stat().st_mode & 0o7777, 0o1777)

    def test_an_image_lists_what_its_program_is_made_of(self):
        for program in PROGRAMS:
            with self.subTest(program):
                bill = json.loads((root(program) / f"usr/share/sbom/{program}.cdx.json").read_text())
                self.assertEqual(bill["bomFormat"], "CycloneDX")
                crates = {component["name"] for component in bill["components"]}
                self.assertLessEqual({"tokio", "rustls", "chatkeep-runtime"}, crates)
                # Paths of the machine that built it are nobody's business.
                self.assertNotIn(str(REPOSITORY), json.dumps(bill))

    def test_a_second_build_gives_the_same_digests(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as again:
            shutil.copytree(BUILT / "programs", Path(again) / "programs")
            subprocess.run([REPOSITORY / "deploy/images/build", again], check=True, capture_output=True)

            self.assertEqual((Path(again) / "images.txt").read_text(), (BUILT / "images.txt").read_text())


class Programs(unittest.TestCase):
    def test_a_program_takes_settings_and_says_what_is_wrong_with_them(self):
        for program in SERVICES:
            with self.subTest(program):
                data = root(program) / "data"
                (data / "word").write_text("word")
                (data / "good.toml").write_text(SETTINGS + (CONTROL if program == "control" else STAGE))
                (data / "bad.toml").write_text(SETTINGS)
                give(data)

                good = run(program, "--config", "/data/good.toml", "--check-config")
                bad = run(program, "--config", "/data/bad.toml", "--check-config")

                self.assertEqual((good.returncode, good.stdout), (0, "the settings are good\n"), good.stderr)
                self.assertEqual(bad.returncode, 1)
                self.assertEqual(run(program, "--version").returncode, 0)

    def test_the_one_program_archives_the_sample(self):
        company = root("chatkeep") / "data/company"
        shutil.copytree(REPOSITORY / "examples/contoso", company, ignore=shutil.ignore_patterns(".chatkeep", "mailboxes"))
        give(company)

        said = run("chatkeep", "archive", "/data/company/connector.toml")

        # Somebody in the sample has no mailbox: closed with exceptions.
        self.assertEqual(said.returncode, 2, said.stderr)
        self.assertIn("115 = 109 imported", said.stdout)

    def test_names_are_resolved_by_dns_and_by_the_hosts_file(self):
        asked = [sys.executable, Path(__file__).with_name("names.py"), root("chatkeep"), USER]
        said = subprocess.run(["unshare", "--net", *asked], capture_output=True, text=True, check=False)

        self.assertEqual(said.returncode, 0, said.stdout + said.stderr)

    def test_the_programs_together_archive_the_sample(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as made:
            folder = Path(made)
            folder.chmod(0o755)
            state = folder / "state"
            for program in PROGRAMS:
                wrap(program, folder / "bin", state)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports = free.getsockname()[1] - 9_000
            environment = os.environ | {
                "CHATKEEP_LOCAL": str(state),
                "CHATKEEP_LOCAL_PORTS": str(ports),
                "CHATKEEP_BIN": str(folder / "bin"),
            }

            def call(script):
                script = REPOSITORY / "deploy/local" / script
                return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)

            up = call("up")
            down = call("down")

        self.assertEqual(up.returncode, 0, up.stdout + up.stderr)
        self.assertIn("115 = 109 imported", up.stdout)
        self.assertEqual(down.returncode, 0, down.stderr)


def wrap(program, folder, state):
    """A script that becomes the program, in its image, as its user, with what container runtimes mount (/dev,
    /proc) and the state's folder."""
    folder.mkdir(exist_ok=True)
    inside = f"{root(program)}{state}"
    script = folder / program
    script.write_text(
        f"#!/bin/sh\nset -e\nmkdir -p {inside} {root(program)}/dev {root(program)}/proc\n"
        f"for one in settings control company; do [ ! -e {state}/$one ] || chown -R {USER} {state}/$one; done\n"
        f"exec unshare --mount sh -c 'mount --bind {state} {inside}; "
        f"mount --rbind /dev {root(program)}/dev; mount --bind /proc {root(program)}/proc; "
        f'exec chroot --userspec={USER} {root(program)} /usr/local/bin/{program} "$@"\' {program} "$@"\n'
    )
    script.chmod(0o755)


if __name__ == "__main__":
    unittest.main()
