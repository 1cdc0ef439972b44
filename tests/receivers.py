"""Receivers of notices on this machine: a web hook and a mail server."""

import email
import email.policy
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """A server on 127.0.0.1 that keeps what it gets in `got`; before it answers, it calls `then`."""

    def __init__(self, server):
        self.got, self.then = [], lambda: None
        self._server = server
        self._server.daemon_threads = True
        self._server.receiver = self
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        self._server.shutdown()
        self._server.server_close()


class Hook(Receiver):
    """Takes the JSON of `json://`; `refuses` so many of them first."""

    def __init__(self, port=0, refuses=0):
        self.refuses = refuses
        super().__init__(ThreadingHTTPServer(("127.0.0.1", port), _Post))

    @property
    def address(self):
        return f"json://127.0.0.1:{self.port}/"

    @property
    def titles(self):
        return [notice["title"] for notice in self.got]


class _Post(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server.receiver
        refused, receiver.refuses = receiver.refuses > 0, receiver.refuses - 1
        if not refused:
            receiver.got.append(json.loads(body))
        receiver.then()
        self.send_response(503 if refused else 200)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


class Mailbox(Receiver):
    """Takes mail by SMTP, from anybody."""

    def __init__(self):
        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp))

    @property
    def address(self):
        return f"mailto://127.0.0.1:{self.port}/?from=clientage@example.org&to=shop@example.org&format=html"


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self):
        self._say("220 here")
        for line in self.rfile:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self._say("354 go on")
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.receiver.got.append(email.message_from_bytes(mail, policy=email.policy.default))
            self._say("221 bye" if verb == b"QUIT" else "250 good")
            if verb == b"QUIT":
                return

    def _say(self, words):
        self.wfile.write(f"{words}\r\n".encode())
