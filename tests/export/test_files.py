"""Files for other tools: complete, harmless in a spreadsheet, and never half written."""

import csv
import hashlib
import hmac
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clientage.errors import SettingsError, WorkspaceError
from clientage.export import files, ids

ROWS = {
    "customer_id": ["=1+1", "c2", "c3"],
    "segment": ["+a", 'say "hi", you', "two\nlines"],
    "country": ["@x", None, "-y"],
    "last_seen": [date(2024, 1, 2), None, date(2024, 1, 3)],
    "orders": [-1, 2, None],
    "spend": [-0.5, 1234.25, 0.1],
}


def batches(rows=None, size=2):
    table = pa.table(rows or ROWS)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=size))


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_csv_is_quoted_and_formulas_are_texts(tmp_path):
    assert files.write(tmp_path / "a.csv", "csv", batches()) == 3
    assert read(tmp_path / "a.csv") == [
        list(ROWS),
        ["'=1+1", "'+a", "'@x", "2024-01-02", "-1", "-0.5"],
        ["c2", 'say "hi", you', "", "", "2", "1234.25"],
        ["c3", "two\nlines", "'-y", "2024-01-03", "", "0.1"],
    ]
    assert b'"say ""hi"", you"' in (tmp_path / "a.csv").read_bytes()


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=5))
def test_every_text_comes_back_and_none_begins_a_formula(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    files.write(path, "csv", batches({"customer_id": texts, "n": list(range(len(texts)))}))
    cells = [row[0] for row in read(path)[1:]]
    assert all(cell in (text, f"'{text}") for cell, text in zip(cells, texts, strict=True))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_numbers_given_as_text_may_stay_as_they_are(tmp_path):
    cells = ["-1.5", "+2", "-1e-9", "-1,5", "-1+1", "-", "+49 30", "=1", "-1\n", "٣", "-٣", "7"]
    files.write_csv(tmp_path / "a.csv", batches({"-n": cells}), numbers=True)
    kept = {"-1.5", "+2", "-1e-9", "-1,5", "٣", "7"}
    assert [row[0] for row in read(tmp_path / "a.csv")] == [
        "'-n", *(cell if cell in kept else f"'{cell}" for cell in cells)
    ]  # fmt: skip


def test_parquet_is_left_as_it_is(tmp_path):
    assert files.write(tmp_path / "a.parquet", "parquet", batches()) == 3
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == ROWS


@pytest.mark.parametrize("form", files.FORMATS)
def test_a_failure_leaves_the_earlier_file_and_nothing_beside_it(tmp_path, form):
    path = tmp_path / "a"
    path.write_text("earlier", encoding="utf-8")
    whole = batches()

    def breaking():
        yield whole.read_next_batch()
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkspaceError, match=r"a: cannot be written \(.*No space left"):
        files.write(path, form, pa.RecordBatchReader.from_batches(whole.schema, breaking()))
    assert path.read_text(encoding="utf-8") == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("out", ["absent/a.csv", "file/a.csv"])
def test_a_place_that_cannot_be_written(tmp_path, out):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match=r"cannot be written .* Give another --out"):
        files.write(tmp_path / out, "csv", batches())


@pytest.mark.parametrize(
    ("out", "form", "expected"),
    [
        (None, None, ("audience.csv", "csv")),
        (None, "parquet", ("audience.parquet", "parquet")),
        ("x.PARQUET", None, ("x.PARQUET", "parquet")),
        ("x.txt", None, ("x.txt", "csv")),
        ("x.txt", "parquet", ("x.txt", "parquet")),
    ],
)
def test_the_format_is_as_asked_for_or_as_the_file_ends(out, form, expected):
    path, found = files.target(Path(out) if out else None, form, "audience")
    assert (str(path), found) == expected


@pytest.mark.parametrize(
    ("out", "form", "said"),
    [
        (None, "xlsx", "--format xlsx: not known. Give csv or parquet"),
        ("a.csv", "parquet", "a.csv says otherwise"),
        (".", None, "a folder"),
    ],
)
def test_what_cannot_be_asked_for(out, form, said):
    with pytest.raises(SettingsError, match=said):
        files.target(Path(out) if out else None, form, "audience")


def test_ids_become_keyed_digests():
    found = ids.renamed(batches(), "id_hash", b"0123456789abcdef").read_all()
    expected = [
        hmac.new(b"0123456789abcdef", text.encode(), hashlib.sha256).hexdigest() for text in ROWS["customer_id"]
    ]
    assert found["id_hash"].to_pylist() == expected
    assert found.drop(["id_hash"]).to_pydict() == {name: ROWS[name] for name in list(ROWS)[1:]}


def test_ids_get_the_name_that_mail_tools_look_for():
    assert ids.renamed(batches(), "email").read_all().column_names == ["email", *list(ROWS)[1:]]


@pytest.mark.parametrize(("key", "said"), [(None, "is not set"), ("", "is not set"), ("x" * 15, "is too short")])
def test_without_a_good_key_there_are_no_digests(monkeypatch, key, said):
    monkeypatch.delenv(ids.VARIABLE, raising=False)
    if key is not None:
        monkeypatch.setenv(ids.VARIABLE, key)
    with pytest.raises(SettingsError, match=said) as caught:
        ids.key()
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("out", ["-", "/dev/null"])
def test_what_is_no_file_is_not_replaced(out):
    with pytest.raises(SettingsError, match="not a file that could be replaced"):
        files.target(Path(out), None, "audience")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real.csv").write_text("old", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    path, form = files.target(tmp_path / "link.csv", None, "audience")
    files.write(path, form, batches({"customer_id": ["a"]}))
    assert (tmp_path / "link.csv").is_symlink()
    assert "a" in (tmp_path / "real.csv").read_text(encoding="utf-8")
