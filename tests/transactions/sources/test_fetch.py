"""Downloads against a real server on this machine."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest

from clientage.errors import InputError
from clientage.transactions.sources import fetch

CONTENT = b"0123456789" * 100_000


class Shop(BaseHTTPRequestHandler):
    """Serves CONTENT as told by the server's attributes."""

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if "gone" in self.path:
            self.send_error(404)
            return
        if "secret" in self.path:
            self.send_error(403)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and server.ranges and self.headers.get("If-Range") == server.entity:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        else:
            self.send_response(200)
        rest = server.content[start:]
        if server.length:
            self.send_header("Content-Length", str(len(rest)))
        if server.entity:
            self.send_header("ETag", server.entity)
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            self.wfile.write(rest[: server.cut_after])
            return
        self.wfile.write(rest)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    web = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    web.seen, web.content, web.entity = [], CONTENT, '"v1"'
    web.ranges, web.length, web.cuts, web.cut_after = True, True, 0, 300_000
    web.url = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield web
    web.shutdown()
    web.server_close()


def get(url, cache, **how):
    said = []
    path = fetch.fetch(url, cache, max_bytes=how.get("max_bytes", 10**9), progress=lambda *step: said.append(step))
    return path, said


def test_a_file_is_downloaded_once_and_its_checksum_kept(server, tmp_path):
    path, said = get(f"{server.url}/orders.csv", tmp_path)
    assert path.read_bytes() == CONTENT
    assert path.name.endswith("-orders.csv")
    assert path.with_name(path.name + ".sha256").read_text().strip() == hashlib.sha256(CONTENT).hexdigest()
    assert said[-1] == (f"downloading {server.url}/orders.csv", 1.0)
    assert get(f"{server.url}/orders.csv", tmp_path)[0] == path
    assert len(server.seen) == 1


def test_a_file_that_changed_on_disk_is_downloaded_again(server, tmp_path):
    path, _ = get(f"{server.url}/orders.csv", tmp_path)
    path.write_bytes(b"broken")
    assert get(f"{server.url}/orders.csv", tmp_path)[0].read_bytes() == CONTENT


def test_a_download_that_was_cut_off_goes_on(server, tmp_path):
    server.cuts = 1
    assert get(f"{server.url}/a", tmp_path)[0].read_bytes() == CONTENT
    assert [asked for _, asked, _ in server.seen] == [None, "bytes=300000-"]


def test_a_download_goes_on_in_the_next_run(server, tmp_path):
    server.cuts, server.cut_after = 3, 100_000
    with pytest.raises(InputError, match="cut off after 300,000 bytes"):
        get(f"{server.url}/a", tmp_path)
    assert get(f"{server.url}/a", tmp_path)[0].read_bytes() == CONTENT
    assert server.seen[-1][1] == "bytes=300000-"
    assert sorted(file.suffix for file in tmp_path.iterdir() if not file.name.endswith("-a")) == [".lock", ".sha256"]


@pytest.mark.parametrize("entity", ['"v1"', "", 'W/"v1"'])
def test_without_ranges_it_starts_over(server, tmp_path, entity):
    server.cuts, server.ranges, server.entity = 1, False, entity
    assert get(f"{server.url}/a", tmp_path)[0].read_bytes() == CONTENT


def test_another_version_starts_over(server, tmp_path):
    server.cuts = 3
    server.cut_after = 1000
    with pytest.raises(InputError):
        get(f"{server.url}/a", tmp_path)
    server.content, server.entity = b"new" * 1000, '"v2"'
    assert get(f"{server.url}/a", tmp_path)[0].read_bytes() == b"new" * 1000


@pytest.mark.parametrize("length", [True, False])
def test_too_large_is_refused(server, tmp_path, length):
    server.length = length
    with pytest.raises(InputError, match="max_gigabytes"):
        get(f"{server.url}/a", tmp_path, max_bytes=1000)


@pytest.mark.parametrize(("path", "said"), [("/gone.csv", "no such file"), ("/secret.csv", "access is refused")])
def test_refusals_are_told_without_secrets(server, tmp_path, path, said):
    url = server.url.replace("http://", "http://anna:hunter%202@") + path + "?token=abc123"
    with pytest.raises(InputError, match=said) as error:
        get(url, tmp_path)
    assert not any(secret in str(error.value) for secret in ("anna", "hunter", "abc123"))
    assert server.seen[0][2] == "Basic YW5uYTpodW50ZXIgMg=="


def test_nothing_secret_is_in_a_file_name(server, tmp_path):
    url = server.url.replace("http://", "http://anna:hunter2@") + "/orders.csv?token=abc123"
    get(url, tmp_path)
    assert not any(secret in str(file) for file in tmp_path.iterdir() for secret in ("anna", "hunter2", "abc123"))


def test_no_network_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be reached"):
        get("http://127.0.0.1:9/orders.csv", tmp_path)


@pytest.mark.parametrize("scheme", ["htp", "foo"])
def test_an_unknown_scheme_is_told(tmp_path, scheme):
    with pytest.raises(InputError, match=f"{scheme}:// is not a known kind of address"):
        get(f"{scheme}://host/orders.csv", tmp_path)


def test_other_stores_are_opened_by_fsspec(tmp_path):
    with fsspec.open("memory://shop/orders.csv", "wb") as file:
        file.write(CONTENT)
    assert get("memory://shop/orders.csv", tmp_path)[0].read_bytes() == CONTENT
    with pytest.raises(InputError, match="no such file"):
        get("memory://shop/none.csv", tmp_path)


@pytest.mark.parametrize(("location", "url"), [("C:\\orders.csv", False), ("https://a/b", True), ("a/b.csv", False)])
def test_an_address_is_told_from_a_path(location, url):
    assert fetch.is_url(location) is url
