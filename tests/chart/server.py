"""A real API server with its store, on loopback, in a temporary folder. Without kubelets: pods stay pending."""

import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from chart import TOOLS, tool

PATIENCE = 120


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """Runs from `with` to its end."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.processes = []
        path = Path(self.folder.name)
        store, peers, port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{port}"
        self.kubeconfig = path / "kubeconfig"
        try:
            self.start(self.etcd(path, store, peers))
            self.start(self.apiserver(path, store, port))
            self.write_kubeconfig()
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
        self.folder.cleanup()

    def start(self, command):
        log = (Path(self.folder.name) / f"{Path(command[0]).name}.log").open("w")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    @staticmethod
    def etcd(path, store, peers):
        url, peer = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peers}"
        command = ["etcd", "--data-dir", path / "etcd", "--listen-client-urls", url]
        command += ["--advertise-client-urls", url, "--listen-peer-urls", peer]
        return [*command, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]

    @staticmethod
    def apiserver(path, store, port):
        key, tokens = path / "accounts.key", path / "tokens.csv"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        tokens.write_text("administrator,administrator,administrator,system:masters\n")
        command = [tool("kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{store}", f"--cert-dir={path}"]
        command += [f"--secure-port={port}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"]
        command += [f"--token-auth-file={tokens}", "--authorization-mode=RBAC"]
        command += ["--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://accounts"]
        command += [f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"]
        # No controller makes the default accounts that it waits for.
        return [*command, "--disable-admission-plugins=ServiceAccount"]

    def write_kubeconfig(self):
        self.kubeconfig.write_text(f"""\
apiVersion: v1
kind: Config
clusters: [{{ name: here, cluster: {{ server: "{self.url}", insecure-skip-tls-verify: true }} }}]
users: [{{ name: administrator, user: {{ token: administrator }} }}]
contexts: [{{ name: here, context: {{ cluster: here, user: administrator }} }}]
current-context: here
""")
        self.kubeconfig.chmod(0o600)

    def wait(self):
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": "Bearer administrator"})
        context = ssl._create_unverified_context()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            dead = [process for process in self.processes if process.poll() is not None]
            if dead:
                break
            try:
                urllib.request.urlopen(request, context=context, timeout=5)
                return
            except (OSError, urllib.error.URLError):
                time.sleep(0.5)
        logs = [file.read_text()[-2000:] for file in Path(self.folder.name).glob("*.log")]
        raise AssertionError("the API server does not answer:\n" + "\n".join(logs))

    def call(self, program, *arguments, text=None):
        """Calls helm or kubectl; returns what it did."""
        command = [program, "--kubeconfig", self.kubeconfig, *map(str, arguments)]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def helm(self, *arguments):
        return self.call(tool("helm"), *arguments)

    def kubectl(self, *arguments, text=None):
        return self.call(tool("kubectl"), *arguments, text=text)

    def add_kinds_of_operators(self):
        said = self.kubectl("apply", "--server-side", "--filename", TOOLS / "schemas" / "definitions")
        assert said.returncode == 0, said.stderr
