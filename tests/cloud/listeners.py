"""A server on this machine, for what stands in for Google Cloud."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Listener:
    """Answers requests by a function, until it is closed.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, answer):
        """Take the function: told the method, the path, the body and the headers; gives status, headers and body."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # without it, each answer takes 40 ms

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def _any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, found = answer(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(found)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
