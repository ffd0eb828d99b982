"""What the tests of the images have in common: the images that deploy/images/build made, unpacked."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ["CHATKEEP_IMAGES"])
SERVICES = ["control", "ingestion", "conversion", "mapping", "mailbox-import"]
PROGRAMS = [*SERVICES, "chatkeep"]
USER = "10001:10001"

# Where the servers' own users get in; removed with the process.
_unpacked = tempfile.TemporaryDirectory(dir="/var/tmp", prefix="chatkeep-images.")


def name(program):
    return "chatkeep" if program == "chatkeep" else f"chatkeep-{program}"


def _blob(program, digest):
    return BUILT / name(program) / "blobs" / digest.replace(":", "/")


def _manifest(program):
    index = json.loads((BUILT / name(program) / "index.json").read_text())
    return json.loads(_blob(program, index["manifests"][0]["digest"]).read_text())


def config(program):
    """How the image is run: user, entry point, variables."""
    return json.loads(_blob(program, _manifest(program)["config"]["digest"]).read_text())["config"]


def size(program):
    """Bytes of the image's layers, compressed."""
    return sum(layer["size"] for layer in _manifest(program)["layers"])


@functools.cache
def root(program):
    """The folder of the image's files, with their owners."""
    folder = Path(_unpacked.name) / program
    folder.mkdir()
    for layer in _manifest(program)["layers"]:
        blob = _blob(program, layer["digest"])
        subprocess.run(["tar", "--numeric-owner", "-xpf", blob, "-C", folder], check=True)
    return folder


def files(program):
    """Every file of the image."""
    return [file for file in root(program).rglob("*") if file.is_file()]


def run(program, *arguments, **more):
    """Runs the program in its image as its user."""
    command = ["chroot", f"--userspec={USER}", root(program), f"/usr/local/bin/{program}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def give(folder):
    """Makes the image's user the owner."""
    subprocess.run(["chown", "-R", USER, folder], check=True)
