"""A process that exports, loads and calls SavedModels; one for all tests, since TensorFlow takes its time to load.

Called with a folder of folders: each has a workspace in `shop`, and customers in `customers.npz`.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np

from clientage.cli import main


def called(arguments):
    """What a call of the command says, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
            code = 0
        except SystemExit as end:
            code = end.code or 0
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def examined(case):
    """Export a model twice, then load it and score customers."""
    arguments = ["export", "savedmodel", "--workspace", str(case / "shop"), "--out", str(case / "saved")]
    said = [called([*arguments, "--json"]), called(arguments)]
    import tensorflow as tf  # noqa: PLC0415 - the export before it sets how quiet it is

    signature = tf.saved_model.load(str(case / "saved")).signatures["serving_default"]
    with np.load(case / "customers.npz") as customers:
        found = {name: tf.constant(customers[name]) for name in customers.files}
    given = {name: found[name] for name in signature.structured_input_signature[1]}
    answers = {name: values.numpy() for name, values in signature(**given).items()}
    answers["segment"] = np.array([name.decode() for name in answers["segment"]])
    np.savez(case / "answers.npz", **answers)
    nobody = signature(**{name: values[:0] for name, values in given.items()})
    first, *others = given
    facts = {
        "said": said,
        "inputs": {
            name: [spec.dtype.name, *spec.shape] for name, spec in signature.structured_input_signature[1].items()
        },
        "outputs": {name: [spec.dtype.name, *spec.shape] for name, spec in signature.structured_outputs.items()},
        "nobody": [len(values) for values in nobody.values()],
        "missing": refused(signature, {name: given[name] for name in others}),
        "renamed": refused(signature, {f"{first}_": given[first]} | {name: given[name] for name in others}),
    }
    (case / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def refused(signature, given):
    """What is said of inputs that do not fit; empty where they are taken."""
    try:
        signature(**given)
    except TypeError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        if folder.is_dir():
            examined(folder)
