"""Messages on the command line name options, not parameters of Python."""

import numpy as np
import pytest

from hardzero.cli.option_names import with_option_names

FILES = {
    "latin.csv": "a,y\n1,caf\xe9\n2,tea\n".encode("latin-1"),
    "wide.csv": "a,y\n1,x\n2,z\n".encode("utf-16"),
    "texts.csv": b"a,b,y\n1,good,x\n2,bad,z\n",
    "bare.csv": b"1,2\n3,4\n",
    "gap.csv": b"a,y\n1,x\n2,\n",
    "hole.csv": b"x,y\n,0\n1,1\n",
}


@pytest.mark.parametrize(("arguments", "message"), [
    (["latin.csv"], "pass --encoding latin-1 or such"),
    (["wide.csv"], "pass --encoding utf-16, or save it as UTF-8"),
    (["texts.csv", "--target", "y"], "(--categories all takes all columns of texts), name it with --text"),
    (["texts.csv", "--target", "y", "--text", "c"], "no column 'c' for --text."),
    (["bare.csv"], "or pass --no-header if the data begin there"),
    (["gap.csv"], "fill it in, or remove the row\n"),
    (["hole.csv"], "fill it in, remove the row, or fit with --fill-missing"),
    (["gap.csv", "--task", "foo"], '--task foo is unknown: it must be "classification" or "regression", or left out'),
    (["gap.csv", "--delimiter", "ab"], "--delimiter ab must be one character"),
    (["gap.csv", "--decimal", ";"], "--decimal ; must be a point or a comma"),
    (["gap.csv", "--encoding", "foo"], "--encoding foo is unknown"),
    (["digits", "--encoding", "latin-1"], "--encoding cannot be chosen"),
    (["digits", "--split-seed", "3"], "--split-seed cannot be chosen"),
    (["digits", "--learning-rate", "0"], "--learning-rate must be a float"),
    (["digits", "--schedule", "rising"], "--schedule must be a str"),
    (["digits", "--dropout", "2"], "--dropout must be a float"),
    (["digits", "--target-sparsity", "0.5,0.5,0.5"], "--target-sparsity has 3 values"),
    (["digits", "--loss", "hinge"], "unknown --loss 'hinge'"),
])  # fmt: skip
def test_errors_of_fit(run, tmp_path, arguments, message):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    result = run("fit", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_errors_of_predict(run, tmp_path):
    (tmp_path / "train.csv").write_text("a,y\n" + "".join(f"{x},{'pq'[int(x > 0)]}\n" for x in np.linspace(-1, 1, 60)))
    (tmp_path / "new.csv").write_bytes("a\n1\n".encode("utf-16"))
    assert run("fit", "train.csv", "--epochs", "2", "--hidden", "4", "-o", "m.safetensors").exit_code == 0
    result = run("predict", "m.safetensors", "new.csv")
    assert result.exit_code == 2
    assert "pass --encoding utf-16" in result.stderr
    (tmp_path / "new.csv").write_text("a\n1\n?\n")
    result = run("predict", "m.safetensors", "new.csv")
    assert result.stderr.endswith(
        "row 3 of new.csv, for which the model has no feature; fill it in, or remove the row\n"
    )


@pytest.mark.parametrize(("command", "message"), [
    (["sweep", "texts.csv"], "(--categories all takes all columns of texts), or leave it out with --ignore\n"),
    (["study", "initial-sparsity", "--data", "texts.csv"], "holds texts, such as 'good' in row 2 of texts.csv\n"),
    (["study", "initial-sparsity", "--data", "hole.csv"], "row 2 of hole.csv; fill it in, or remove the row\n"),
    (["study", "initial-sparsity", "--data", "wide.csv"], "is in UTF-16, not utf-8; save it as UTF-8\n"),
])  # fmt: skip
def test_remedies_are_those_that_the_command_has(run, tmp_path, command, message):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    result = run(*command)
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_a_command_lacks_stays_as_it_is():
    message = "set header=False, tol=1e-3 or batch_size=10; 'max_iter' is a column, x/max_iter=3 a path"
    expected = "set --no-header, tol=1e-3 or --batch-size 10; 'max_iter' is a column, x/max_iter=3 a path"
    assert with_option_names(message, ["--header", "--batch-size", "--epochs"]) == expected
    assert with_option_names(message, []) == message
    assert with_option_names("raise max_iter (status=1)") == "raise --epochs (status=1)"
    assert with_option_names("max_iter=3 passes; more passes (passes)") == "--epochs 3 passes; more passes (--epochs)"
