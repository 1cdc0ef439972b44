"""Google Cloud Storage on this machine."""

import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from urllib.parse import quote

import fsspec
import pytest
from buckets import emulator
from shops import free_port


class Bucket:
    """A bucket.

    Attributes:
        name: gs://….
        port: Where the server listens.
    """

    def __init__(self, name, port):
        self.name, self.port = f"gs://{name}", port

    def put(self, name, data):
        """Put an object into it."""
        bucket = self.name.removeprefix("gs://")
        query = f"uploadType=media&name={quote(name, safe='')}"
        url = f"http://127.0.0.1:{self.port}/upload/storage/v1/b/{bucket}/o?{query}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
            assert answer.status == 200


@contextlib.contextmanager
def bucket_server(name="models"):
    """A bucket that all of gs:// leads to, as long as this lasts, also in processes that are started meanwhile."""
    if not os.environ.get("CI"):
        pytest.importorskip("gcp_storage_emulator", reason="the emulator of Google Cloud Storage is not installed")
    port = free_port()
    process = subprocess.Popen(
        emulator(port, name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    bucket = Bucket(name, port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        patch.setenv("FSSPEC_GS", '{"token": "anon"}')
        patch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
        import gcsfs  # noqa: PLC0415 - reads the variables

        gcsfs.GCSFileSystem.clear_instance_cache()  # they know another port
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    bucket.put("ready", b"yes")
                    break
                except OSError:
                    assert process.poll() is None and time.monotonic() < until
                    time.sleep(0.2)
            yield bucket
        finally:
            gcsfs.GCSFileSystem.clear_instance_cache()
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
