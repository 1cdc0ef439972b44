"""A service that behaves as it is told: busy, away, cut off, or answering what nobody asked for."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = {"segment_id": 1, "segment": "Top", "distance": 0.5, "runner_up": 2}


class Moody:
    """A service at an address of its own.

    `moods` are what becomes of the next requests for predictions: a status with headers and a body, `cut`, or a
    function of the instances; after the last of them each instance is answered with `GOOD`.
    """

    def __init__(self, *moods, needs=("recency_days",), components=(), most=2000, limit=10**9):
        self.moods, self.asked, self.headers, self.version = list(moods), [], [], "3"
        self.limit = limit  # instances, above which a request is too large
        self.document = contract(needs, components, most)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def mood(self, instances, headers):
        with self._lock:
            self.asked.append(instances)
            self.headers.append(headers)
            return self.moods.pop(0) if self.moods else None


def contract(needs, components=(), most=2000):
    """The document of such a service."""
    schemas = {
        "Features": {"required": list(needs)},
        "Request": {"properties": {"instances": {"maxItems": most}}},
    } | ({"Components": {"required": list(components)}} if components else {})
    return {"paths": {"/ask": {"post": {"operationId": "predict"}}}, "components": {"schemas": schemas}}


def told(status, error="busy.", **headers):
    """An answer that is a sentence."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, {"error": error}


def _handler(moody):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # without it, each answer takes 40 ms

        def do_GET(self):
            self._say(200, {}, moody.document)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            instances = body["instances"]
            mood = moody.mood(instances, dict(self.headers))
            if mood == "cut":
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            elif isinstance(mood, tuple):
                self._say(*mood)
            elif len(instances) > moody.limit:
                self._say(*told(413, "too large."))
            else:
                answers = mood(instances) if mood else [GOOD for _ in instances]
                self._say(200, {"X-Model-Version": moody.version}, {"predictions": answers})

        def _say(self, status, headers, value):
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
