"""A mail server for tests, with aiosmtpd. Its folder says what it does and gets what it takes.

settings.json  port, tls ("starttls", "implicit" or "none"), user and password (null: nobody signs in)
refused        addresses that get 550, one a line
faults         what goes wrong next, one a line, each once: "RCPT 451", "DATA 452", "DATA drop" (it takes the
               mail and hangs up instead of saying so), "DATA hang" (it takes the mail and never says so)
N.eml, N.json  what it has taken, numbered from 1: the mail, and envelope, sign-in and encryption
"""

import asyncio
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = pathlib.Path(sys.argv[1])


def lines(name):
    path = FOLDER / name
    return path.read_text().split("\n") if path.exists() else []


def fault(command):
    """The next thing to go wrong, if it is for this command."""
    waiting = [line for line in lines("faults") if line]
    if not waiting or not waiting[0].startswith(command + " "):
        return None
    (FOLDER / "faults").write_text("\n".join(waiting[1:]))
    return waiting[0].split(" ")[1]


class Handler:
    taken = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        wrong = fault("RCPT")
        if wrong:
            return wrong + " not now"
        if address in lines("refused"):
            return f"550 5.1.1 <{address}> is unknown here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        wrong = fault("DATA")
        if wrong and wrong.isdigit():
            return wrong + " not now"
        self.taken += 1
        (FOLDER / f"{self.taken}.eml").write_bytes(envelope.original_content)
        about = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "is_encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "is_signed_in": bool(session.authenticated),
        }
        # Readers wait for this one: it is there at once and whole.
        half = FOLDER / "half"
        half.write_text(json.dumps(about))
        half.rename(FOLDER / f"{self.taken}.json")
        if wrong == "drop":
            server.transport.abort()
        if wrong == "hang":
            await asyncio.Event().wait()
        return "250 OK"


async def main():
    settings = json.loads((FOLDER / "settings.json").read_text())
    tls, user, password = settings["tls"], settings["user"], settings["password"]
    context = None
    if tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(FOLDER / "cert.pem", FOLDER / "key.pem")
    handler = Handler()
    handler.taken = len(list(FOLDER.glob("*.json"))) - 1

    def authenticate(server, session, envelope, mechanism, data):
        is_right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=is_right, handled=is_right)

    def protocol():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=authenticate if user else None,
            auth_required=bool(user),
            auth_require_tls=tls == "starttls",
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", settings["port"], ssl=context if tls == "implicit" else None
    )
    await server.serve_forever()


asyncio.run(main())
