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
    (["texts.csv", "--target", "y"], "(--categories all takes all columns of texts), with --text"),
    (["texts.csv", "--target", "y", "--text", "c"], "no column 'c' for --text."),
    (["bare.csv"], "or pass --no-header if the data begin there"),
    (["gap.csv"], "fill it in or remove the row"),
    (["hole.csv"], "fill it in, remove the row, or fit with --fill-missing"),
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


def test_what_a_command_lacks_stays_as_it_is():
    message = "set header=False, tol=1e-3 or batch_size=10; 'max_iter' is a column, x/max_iter=3 a path"
    expected = "set --no-header, tol=1e-3 or --batch-size 10; 'max_iter' is a column, x/max_iter=3 a path"
    assert with_option_names(message, ["--header", "--batch-size", "--epochs"]) == expected
    assert with_option_names(message, []) == message
    assert with_option_names("raise max_iter (status=1)") == "raise --epochs (status=1)"
    assert with_option_names("max_iter=3 passes; more passes (passes)") == "--epochs 3 passes; more passes (--epochs)"
