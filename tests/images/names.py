"""In a network of its own: a name server, a program's admin port, and `chatkeep selfcheck` that needs both.

    unshare --net names.py ROOT USER
"""

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

root, user = Path(sys.argv[1]), sys.argv[2]
A = 1


def answer(query):
    """127.0.0.1 for every name, and no other address (RFC 1035, section 4)."""
    end = query.index(b"\0", 12) + 5
    question, kind = query[12:end], int.from_bytes(query[end - 4 : end - 2])
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if kind == A else b""
    counts = b"\0\1" + (b"\0\1" if record else b"\0\0") + b"\0\0\0\0"
    return query[:2] + b"\x81\x80" + counts + question + record


def serve_names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


class Admin(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(VERSION if self.path == "/version" else b"ready\n")

    def log_message(self, *_):
        pass


def chatkeep(*arguments):
    command = ["chroot", f"--userspec={user}", root, "/usr/local/bin/chatkeep", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


VERSION = chatkeep("--version").stdout.encode()
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
names = socket.socket(type=socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
threading.Thread(target=serve_names, args=[names], daemon=True).start()
admin = HTTPServer(("127.0.0.1", 9090), Admin)
threading.Thread(target=admin.serve_forever, daemon=True).start()
(root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
(root / "etc/hosts").write_text("127.0.0.1 from-hosts\n")
for host in ("control.archive.svc.example", "from-hosts"):
    said = chatkeep("selfcheck", "--admin", f"http://{host}:9090")
    if said.returncode:
        sys.exit(f"{host}: {said.stdout}{said.stderr}")
