"""A tree of files on a node: compared, written whole, taken away; and rendered first."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar
from kc.errors import KcError
from kc.files import Access, File, Result, check_syntax, converge, matches, pack, read_tree, unpack
from kc.spec import documentation, spec_of

from tests.loading import loaded

ROOT = Path(__file__).parents[2]
MANIFEST = ".kc-files.json"
Go = Callable[..., Result]


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "service"


@pytest.fixture
def go(dest: Path) -> Go:
    """Lay down files, given as path and content."""

    def go(*files: File, check: bool = False, mode: int = 0o640, directory: int | None = None, **contents: str) -> Result:
        wanted = [*files, *(File(name.replace("__", "/"), text) for name, text in contents.items())]
        return converge(
            dest,
            wanted,
            manifest=MANIFEST,
            access=Access(mode=mode),
            directory=Access(mode=directory),
            make=Access(mode=0o755),
            check=check,
        )

    return go


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def tree(top: Path) -> dict[str, str]:
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file() and path.name != MANIFEST}


def test_a_run_lays_the_tree_down_and_the_second_changes_nothing(go: Go, dest: Path) -> None:
    first = go(a="1", b__c="2")
    assert (first.changed, first.directories, tree(dest)) == (["a", "b/c"], [".", "b"], {"a": "1", "b/c": "2"})
    assert (mode(dest / "a"), mode(dest / "b")) == (0o640, 0o755)
    assert go(a="1", b__c="2") == Result()


def test_check_mode_tells_the_same_and_touches_nothing(go: Go, dest: Path) -> None:
    check = go(a="1", b__c="2", check=True)
    assert not dest.exists()
    assert go(a="1", b__c="2") == check
    later = go(a="3", check=True)
    assert tree(dest) == {"a": "1", "b/c": "2"}
    assert go(a="3") == later
    assert (later.changed, later.removed) == (["a"], ["b/c"])


def test_what_is_not_wanted_any_more_goes_with_its_directory(go: Go, dest: Path) -> None:
    go(a="1", b__c__d="2")
    (dest / "b/c/d").write_text("changed by hand")
    assert go(a="1").removed == ["b/c/d"]
    assert {path.name for path in dest.iterdir()} == {"a", MANIFEST}
    assert go(a="1") == Result()


def test_what_others_put_there_is_left_alone(go: Go, dest: Path) -> None:
    go(a="1", b__c="2")
    (dest / "b/theirs").write_text("x")
    (dest / "theirs").write_text("x")
    go(a="1")
    assert tree(dest) == {"a": "1", "b/theirs": "x", "theirs": "x"}


def test_a_directory_that_was_there_stays(go: Go, dest: Path) -> None:
    (dest / "b").mkdir(parents=True)
    go(a="1", b__c="2")
    go(a="1")
    assert (dest / "b").is_dir()


def test_a_removed_file_that_somebody_replaced_by_a_link_is_theirs(go: Go, dest: Path) -> None:
    go(a="1", b="2")
    (dest / "b").unlink()
    (dest / "b").symlink_to(dest / "a")
    assert go(a="1").removed == []
    assert (dest / "b").is_symlink()


@pytest.mark.parametrize(
    ("spoil", "repaired"),
    [
        (lambda top: (top / "a").write_text("by hand"), ["a"]),
        (lambda top: (top / "a").unlink(), ["a"]),
        (lambda top: (top / "b/c").chmod(0o666), ["b/c"]),
        (lambda top: ((top / "a").unlink(), (top / "a").symlink_to(top / "b/c")), ["a"]),
        (lambda top: (top / "a").write_bytes(b"\xff\xfe"), ["a"]),
    ],
    ids=["content", "missing", "mode", "link", "no text"],
)
def test_drift_is_put_back_and_nothing_else(go: Go, dest: Path, spoil: Callable[[Path], Any], repaired: list[str]) -> None:
    go(a="1", b__c="2")
    spoil(dest)
    assert go(a="1", b__c="2").changed == repaired
    assert (tree(dest), mode(dest / "b/c")) == ({"a": "1", "b/c": "2"}, 0o640)
    assert not (dest / "a").is_symlink()


def test_a_directory_s_mode_is_put_back_where_it_is_given(go: Go, dest: Path) -> None:
    go(a__b="1")
    (dest / "a").chmod(0o700)
    assert go(a__b="1") == Result()
    assert go(a__b="1", directory=0o750).directories == [".", "a"]
    assert (mode(dest), mode(dest / "a")) == (0o750, 0o750)


def test_an_executable_is_so_for_those_who_may_read_it(go: Go, dest: Path) -> None:
    go(File("run", "#!/bin/sh\n", executable=True), data="x")
    assert (mode(dest / "run"), mode(dest / "data")) == (0o750, 0o640)
    assert go(File("run", "#!/bin/sh\n", executable=True), data="x") == Result()


def test_the_difference_shows_text_and_rights(go: Go, dest: Path) -> None:
    go(a="1\n")
    (dest / "a").chmod(0o600)
    (dest / "a").write_text("0\n")
    content, rights = go(a="1\n", check=True).diff
    assert (content["before"], content["after"], content["before_header"]) == ("0\n", "1\n", str(dest / "a"))
    assert ("mode 0600" in rights["before"], "mode 0640" in rights["after"]) == (True, True)


def test_a_secret_is_never_in_the_difference(go: Go, dest: Path) -> None:
    shown = [go(File("s", "hush-1", secret=True)), go(File("s", "hush-2", secret=True))]
    (dest / "s").write_text("hush-3")
    shown += [go(File("s", "hush-2", secret=True)), go(a="1")]  # drift, and its removal
    assert all(result.diff for result in shown)
    assert "hush" not in repr(shown)


def test_what_was_secret_is_not_shown_when_it_is_secret_no_more(go: Go) -> None:
    go(File("s", "hush-1", secret=True))
    assert "hush" not in repr(go(s="open").diff)


def test_broken_off_in_between_the_next_run_knows_what_is_ours(go: Go, dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(old="1")
    replace = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == "c":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(KcError, match="no space left"):
        go(b="2", c="3")
    assert tree(dest) == {"old": "1", "b": "2"}  # and no half of a file beside it
    monkeypatch.undo()
    assert (go(a="1").removed, tree(dest)) == (["b", "old"], {"a": "1"})


def test_a_reader_never_sees_half_a_file_nor_a_wide_mode(go: Go, dest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(a="1")
    seen: list[tuple[str, int]] = []
    replace = Path.replace

    def look(path: Path, target: Path) -> Path:
        if target.name == "a":
            seen.append(((dest / "a").read_text(), mode(path)))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", look)
    old = os.umask(0)
    try:
        go(a="2" * 100_000)
    finally:
        os.umask(old)
    assert seen == [("1", 0o640)]


@pytest.mark.parametrize(("wanted", "what"), [("taken", "not a file"), ("file__x", "not a directory")])
def test_what_is_in_the_way_is_said(go: Go, dest: Path, wanted: str, what: str) -> None:
    (dest / "taken").mkdir(parents=True)
    (dest / "file").write_text("x")
    for check in (True, False):
        with pytest.raises(KcError, match=f"{dest}/(taken|file) is {what}. Move"):
            go(check=check, **{wanted: "x"})


def test_a_manifest_that_nobody_can_read_is_said(go: Go, dest: Path) -> None:
    go(a="1")
    (dest / MANIFEST).write_text("[")
    with pytest.raises(KcError, match="manifest"):
        go(a="1")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "."])
def test_nothing_is_written_outside(path: str) -> None:
    with pytest.raises(KcError, match="below"):
        unpack(pack([File(path, "")]))


def test_packing_keeps_everything() -> None:
    files = [File("a", "ü\n", secret=True, executable=True), File("b/c", "")]
    assert unpack(pack(files)) == files


def test_a_tree_is_read(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.xml.j2").write_text("")
    (tmp_path / "b").write_text("")
    assert [(source.path, source.template) for source in read_tree(tmp_path)] == [("b", False), ("d/a.xml", True)]
    (tmp_path / "b.j2").write_text("")
    with pytest.raises(KcError, match="both make b"):
        read_tree(tmp_path)


def test_an_empty_tree_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(KcError, match="no files"):
        read_tree(tmp_path)


@pytest.mark.parametrize(("path", "patterns", "found"), [("a/b.xml", ["a/*"], True), ("a/b/c", ["a/*"], True), ("b", ["a", "c*"], False)])
def test_patterns(path: str, patterns: list[str], found: bool) -> None:
    assert matches(path, patterns) is found


# --- through Ansible


PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {password: hunter2-oddly, listen: 9440, extra: false}
  tasks:
    - kc_files:
        src: tree
        dest: "{{ dest }}"
        secret: [users/*]
        mode: "0600"
      register: result
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{ result | to_json }}"
        dest: "{{ seen }}"
        mode: "0600"
      check_mode: false
      diff: false
      no_log: true
"""
TREE = {
    "a.xml.j2": "<a>\n  {% if listen %}\n  <port>{{ listen }}</port>\n  {% endif %}\n</a>\n",
    "extra.conf.j2": "{% if extra %}\nextra\n{% endif %}\n",
    "plain.txt": "{{ as it is }}\n",
    "users/u.xml.j2": "<p>{{ password }}</p>\n",
}


@pytest.fixture
def play(tmp_path: Path, dest: Path) -> Callable[..., tuple[dict[str, Any], str]]:
    """Run a playbook with the tree; its one result, and all that was printed."""

    def play(*options: str, **variables: Any) -> tuple[dict[str, Any], str]:
        for name, text in TREE.items():
            path = tmp_path / "templates/tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "play.yml").write_text(PLAY)
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        # in the environment `localhost,` would be a list of two, and the second this directory with all that is in it
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *options]
        given = {"dest": str(dest), "seen": str(tmp_path / "seen.json"), "ansible_python_interpreter": sys.executable}
        done = subprocess.run(
            [*command, "-e", json.dumps({**given, **variables})], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((tmp_path / "seen.json").read_text()), done.stdout + done.stderr

    return play


def test_a_play_renders_and_lays_down(play: Callable[..., tuple[dict[str, Any], str]], dest: Path) -> None:
    check, said = play("--check", "--diff", "-vvv")
    assert not dest.exists()
    done, more = play("--diff", "-vvv", extra=True)
    assert (check["files"]["changed"], done["files"]["changed"]) == (
        ["a.xml", "plain.txt", "users/u.xml"],
        ["a.xml", "extra.conf", "plain.txt", "users/u.xml"],
    )
    assert tree(dest) == {
        "a.xml": "<a>\n  <port>9440</port>\n</a>\n",
        "extra.conf": "extra\n",
        "plain.txt": "{{ as it is }}\n",
        "users/u.xml": "<p>hunter2-oddly</p>\n",
    }
    again, yet_more = play("--diff", "-vvv")
    assert (again["changed"], again["files"]) == (True, {"changed": [], "removed": ["extra.conf"]})
    assert "hunter2" not in said + more + yet_more
    assert "<port>9440</port>" in said + more


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run the action alone; what it would send to the node is in the result's `sent`."""
    plugin = loaded("plugins/action/kc_files.py")
    monkeypatch.setattr(plugin.ActionModule, "_execute_module", lambda self, module_args, task_vars: {"sent": module_args})

    def act(template: str | bytes, **args: Any) -> dict[str, Any]:
        (tmp_path / "templates/tree").mkdir(parents=True)
        (tmp_path / "templates/tree/b.xml.j2").write_bytes(template if isinstance(template, bytes) else template.encode())
        task = Task()
        task.args = {"src": "tree", "dest": "/d", **args}
        task.action = "kc_files"
        loader = DataLoader()
        loader.set_basedir(str(tmp_path))
        action = plugin.ActionModule(task, MagicMock(), MagicMock(), loader, Templar(loader=loader), None)
        result: dict[str, Any] = action.run(task_vars={"password": "hunter2-oddly", "a_map": {"key": "1"}})
        return result

    return act


@pytest.mark.parametrize(
    ("template", "args", "message"),
    [
        ("{{ nobody.knows }}", {}, "tree/b.xml.j2: 'nobody' is undefined"),
        ("<a>{{ a_map.other }}</a>", {}, "tree/b.xml.j2: object of type 'dict' has no attribute 'other'"),
        ("{% if %}", {}, "tree/b.xml.j2: Syntax error in template"),
        ("<a>{{ password }}</b>", {}, "tree/b.xml.j2 renders to XML that is not well-formed: mismatched tag at line 1"),
        (b"\xff", {}, "tree/b.xml.j2 is not text in UTF-8"),
        ("", {"mode": 0o640}, 'mode has to be in quotes, such as "0640".'),
    ],
    ids=["undefined", "key", "syntax", "xml", "text", "number"],
)
def test_a_mistake_is_one_line(act: Callable[..., dict[str, Any]], template: str, args: dict[str, Any], message: str) -> None:
    result = act(template, **args)
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert "hunter2" not in str(result)


def test_what_travels_is_one_option(act: Callable[..., dict[str, Any]]) -> None:
    sent = act("<a>{{ password }}</a>\n", secret=["*"])["sent"]
    assert unpack(sent.pop("rendered")) == [File("b.xml", "<a>hunter2-oddly</a>\n", secret=True)]
    assert "hunter2" not in str(sent)
    assert spec_of(documentation(ROOT / "library/kc_files.py"))["rendered"]["no_log"]


def test_json_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("")
    (source,) = read_tree(tmp_path)
    check_syntax(source, "{}")
    with pytest.raises(KcError, match="line 2, column 1"):
        check_syntax(source, "{\n")
