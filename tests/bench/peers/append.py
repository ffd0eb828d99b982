#!/usr/bin/env python3
"""Appends a tree of Maildirs to an IMAP server, message by message, with imaplib.

append.py PORT PASSWORD TREE
"""
import imaplib
import sys
import time
from pathlib import Path


def main():
    port, password, tree = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    for maildir in sorted(tree.iterdir()):
        connection = imaplib.IMAP4("127.0.0.1", port)
        connection.login(maildir.name, password)
        for path in sorted((maildir / "cur").iterdir()):
            date = imaplib.Time2Internaldate(time.localtime(int(path.name.split(".")[0])))
            message = path.read_bytes().replace(b"\n", b"\r\n")
            status, answer = connection.append("INBOX", "(\\Seen)", date, message)
            if status != "OK":
                sys.exit(f"append: {answer}")
        connection.logout()


main()
