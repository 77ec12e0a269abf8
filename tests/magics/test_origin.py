import hashlib
from types import SimpleNamespace

from bec_magics.setup.origin import git_commit, notebook_of, origin_of


def shell_of(kernel=None, source="%scan acquire", names=None):
    return SimpleNamespace(
        kernel=kernel,
        user_ns=names or {},
        history_manager=SimpleNamespace(input_hist_raw=["", source]),
    )


class Kernel:
    parent = SimpleNamespace(connection_file="/run/kernel-1234.json")

    def __init__(self, metadata):
        self.metadata = metadata

    def get_parent(self, channel):
        assert channel == "shell"
        return {"metadata": self.metadata}


def test_a_notebook_tells_path_cell_source_and_kernel(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "day1/align.ipynb")
    origin = origin_of(shell_of(Kernel({"cellId": "c7"})))
    assert (origin.notebook, origin.cell) == ("day1/align.ipynb", "c7")
    assert (origin.kernel, origin.program) == ("1234", "notebook")
    assert origin.source == "%scan acquire"
    assert origin.environment["ipython"]
    assert origin.source_hash == hashlib.sha256(b"%scan acquire").hexdigest()


def test_what_a_front_end_does_not_tell_stays_empty(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    origin = origin_of(shell_of(Kernel({})))
    assert (origin.notebook, origin.cell) == ("", "")


def test_a_terminal_has_no_cell_and_no_kernel(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    origin = origin_of(shell_of())
    assert (origin.program, origin.cell, origin.kernel) == ("ipython", "", "")


def test_a_session_that_is_no_notebook_is_not_called_one(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "console-1")
    assert notebook_of(shell_of()) == ""


def test_vs_code_tells_the_path_in_its_own_way(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    names = {"__vsc_ipynb_file__": "/home/ann/a.ipynb"}
    assert notebook_of(shell_of(names=names)) == "/home/ann/a.ipynb"


def test_the_commit_is_read_from_the_work_tree(tmp_path):
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text("abc123\n")
    (tmp_path / "notebooks").mkdir()
    assert git_commit(tmp_path / "notebooks") == "abc123"
    (git / "refs" / "heads" / "main").unlink()
    (git / "packed-refs").write_text("def456 refs/heads/main\n")
    assert git_commit(tmp_path) == "def456"


def test_a_commit_checked_out_by_itself_is_that_commit(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0123abc\n")
    assert git_commit(tmp_path) == "0123abc"
