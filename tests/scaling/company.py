"""A company with a backlog: sessions of its people with strangers, one mailbox each."""

import base64
from datetime import datetime, timedelta
from pathlib import Path

PEOPLE = 100
OURS = "contoso.com"
FIRST = datetime(2025, 3, 3, 8)

EXPORT = """From: {sender}\r
To: {recipient}\r
Subject: Conversation between {sender} and {recipient}\r
Date: {date}\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="MIME_Boundary"\r
\r
--MIME_Boundary\r
Content-Type: text/html; charset=utf-8\r
Content-Transfer-Encoding: base64\r
\r
{text}\r
--MIME_Boundary--\r
"""


def session(number):
    """An export of Export-CsArchivingData with one session; no two are equal."""
    begun = FIRST + timedelta(minutes=number)
    sender, recipient = f"person{number % PEOPLE}@{OURS}", f"guest{number % 997}@fabrikam.com"
    lines = [f"[{begun:%H:%M:%S}] {sender}: question {number}", f"[{begun:%H:%M:%S}] {recipient}: answer {number}"]
    html = "<html><body>\r\n" + "".join(f"<div>{line}</div>\r\n" for line in lines) + "</body></html>\r\n"
    return EXPORT.format(
        sender=sender,
        recipient=recipient,
        date=begun.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        text=base64.encodebytes(html.encode()).decode().strip().replace("\n", "\r\n"),
    )


def write(folder: Path, sessions, target):
    """Writes the exports, the directory and a connector file with this target; its path."""
    for number in range(sessions):
        file = folder / "exports" / f"{number // 1000:04}" / f"{number:08}.eml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(session(number), newline="")
    people = [f"person{number}@{OURS}" for number in range(PEOPLE)]
    rows = ["userPrincipalName,displayName,mail,proxyAddresses,sipAddress"]
    rows += [f"{person},,{person},SMTP:{person},sip:{person}" for person in people]
    (folder / "directory.csv").write_text("\n".join(rows) + "\n")
    connector = folder / "connector.toml"
    connector.write_text(
        f'name = "backlog"\ndomain = "{OURS}"\n\n[[sources]]\ntype = "archiving-export"\npath = "exports"\n\n'
        f'[directory]\ntype = "csv"\npath = "directory.csv"\n\n{target}'
    )
    return connector
