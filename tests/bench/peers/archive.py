#!/usr/bin/env python3
"""What a user would write: reads exported .eml files, makes a mail of each, appends it to the mailboxes.

archive.py PORT PASSWORD EXPORTS DIRECTORY.CSV: prints the number of mails appended.
"""
import csv
import email
import email.policy
import html
import imaplib
import re
import sys
import time
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path


def mailboxes(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["sipAddress"].removeprefix("sip:").lower(): row["mail"] for row in csv.DictReader(file)}


def convert(source):
    body = source.get_body(("html",)) or next(part for part in source.walk() if part.get_content_type() == "text/html")
    markup = body.get_content()
    text = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"<br>|</div>", "\n", markup)))
    message = EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    people = [address for name in ("From", "To") for address in source.get_all(name, [])]
    message["From"] = people[0]
    message["To"] = ", ".join(people[1:])
    message["Subject"] = source["Subject"]
    message["Date"] = parsedate_to_datetime(source["Date"])
    message["Message-ID"] = f"<{abs(hash((people[0], source['Date'])))}@bench.example>"
    message.set_content(text, cte="8bit")
    message.add_alternative(markup, subtype="html", cte="8bit")
    return people, message


def main():
    port, password, exports, directory = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    known = mailboxes(directory)
    connections = {}
    count = 0
    for path in sorted(exports.rglob("*.eml")):
        with open(path, "rb") as file:
            source = email.message_from_binary_file(file, policy=email.policy.default)
        people, message = convert(source)
        date = imaplib.Time2Internaldate(message["Date"].datetime)
        content = message.as_bytes()
        for mailbox in sorted({known[person.lower()] for person in people if person.lower() in known}):
            if mailbox not in connections:
                connections[mailbox] = imaplib.IMAP4("127.0.0.1", port)
                connections[mailbox].login(mailbox, password)
            status, answer = connections[mailbox].append("INBOX", "(\\Seen)", date, content)
            if status != "OK":
                sys.exit(f"append: {answer}")
            count += 1
    for connection in connections.values():
        connection.logout()
    print(count)


main()
