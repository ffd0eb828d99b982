#!/usr/bin/env python3
"""Renders conversations with Python's email package, the way its documentation shows.

convert.py FILE SECONDS: prints {"count", "bytes", "cpu"} as JSON.
"""
import email
import email.policy
import html
import json
import sys
import time
from datetime import datetime, timezone
from email.message import EmailMessage
from email.utils import format_datetime


def moment(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc)


def render(chat):
    people = chat["participants"]
    text, rows = [], []
    for line in chat["lines"]:
        at, sender = moment(line["at"]).strftime("%H:%M:%S"), people[line["sender"]].split("@")[0]
        text.append(f"[{at}] {sender}: {line['text']}\n")
        rows.append(f"<tr><td>{at}</td><td><b>{sender}</b></td><td>{html.escape(line['text'])}</td></tr>\n")
    message = EmailMessage(policy=email.policy.SMTP)
    message["Date"] = format_datetime(moment(chat["start"]))
    message["From"] = people[0]
    message["To"] = ", ".join(people[1:])
    message["Subject"] = "Conversation"
    message["Message-ID"] = f"<{chat['index']}@bench.example>"
    message.set_content("".join(text))
    message.add_alternative("<html><body><table>\n" + "".join(rows) + "</table></body></html>\n", subtype="html")
    return message.as_bytes()


def words(text):
    return " ".join(text.split())


def check(chat):
    parsed = email.message_from_bytes(render(chat), policy=email.policy.default)
    text = words(parsed.get_body(("plain",)).get_content())
    if not all(words(line["text"]) in text for line in chat["lines"]):
        sys.exit("a chat message is missing")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        chats = json.load(file)
    seconds = float(sys.argv[2])
    for chat in chats[:20]:
        check(chat)
    count = size = 0
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        size += len(render(chats[count % len(chats)]))
        count += 1
    print(json.dumps({"count": count, "bytes": size, "cpu": time.process_time() - begun}))


main()
