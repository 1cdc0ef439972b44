"""An address says where predictions go."""

import subprocess
import sys

import pytest

from clientage.errors import SettingsError
from clientage.serving.folder import FolderSink
from clientage.serving.postgres import PostgresSink
from clientage.serving.sinks import open_sink


def test_addresses_of_each_kind(tmp_path):
    assert isinstance(open_sink(str(tmp_path)), FolderSink)
    for scheme in ("postgresql", "postgres"):
        assert isinstance(open_sink(f"{scheme}://user@host/db"), PostgresSink)


@pytest.mark.parametrize("address", ["", "gs://bucket", "https://ann:hunter2@host", "://"])
def test_other_addresses_are_refused_with_the_kinds_there_are(address):
    with pytest.raises(
        SettingsError, match="to a folder, to PostgreSQL or to BigQuery, and to nothing else"
    ) as refused:
        open_sink(address)
    assert "hunter2" not in str(refused.value)


def test_a_folder_needs_no_library_of_databases():
    script = "import sys; from clientage.serving.ship import ship; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
