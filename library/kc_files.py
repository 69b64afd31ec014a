#!/usr/bin/python
"""Ansible module: a tree of files on a node. plugins/action/kc_files.py renders it first."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_files
short_description: Lay down a tree of templates on a node
description:
  - Every C(*.j2) below C(src) is rendered with the task's variables; other files are taken as they are. All are text in UTF-8.
  - A template that renders to nothing but blanks makes no file. What renders to XML or JSON has to be well-formed.
  - A file is written whole or not at all, with its owner and mode. What was written at an earlier run and is not wanted any more is
    taken away, changed by hand or not; files that others put there are left alone.
  - A file that is executable in C(src) is so on the node, for whoever may read it.
  - With C(--diff) each file's difference is shown; check mode tells exactly what a run would do.
options:
  src:
    description: Directory below C(templates/) of the role or the playbook.
    type: str
    required: true
  dest:
    description: Directory that the tree is laid into. It is made where it is missing.
    type: path
    required: true
  owner:
    description: Owner of the files, and of directories that are made for them.
    type: str
    default: root
  group:
    description: Group of the files, and of directories that are made for them.
    type: str
    default: root
  mode:
    description: Mode of the files, in quotes.
    type: str
    default: "0644"
  directory_mode:
    description:
      - Mode of the directories that hold the files, C(dest) among them; given, it is put back on these, and owner and group too.
      - Left out, directories are made with 0755, and those that stand are left as they are.
    type: str
  secret:
    description: Patterns of files (such as C(users.d/*.xml)) whose content is never shown.
    type: list
    elements: str
    default: []
  manifest:
    description: File in C(dest) that holds what was written. Trees that share a directory need one each.
    type: str
    default: .kc-files.json
  rendered:
    description: The tree as the action rendered it; nobody else gives it.
    type: str
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Configuration
  kc_files:
    src: server
    dest: /etc/clickhouse-server
    group: clickhouse
    mode: "0640"
    secret: [users.d/*.xml]
  register: role_files

- name: Restart where the files that changed need it
  ansible.builtin.systemd_service:
    name: clickhouse-server
    state: restarted
  when: role_files.files.changed | select('match', 'config.d/') | list | length > 0
"""

RETURN = r"""
files:
  description: What differed and so was or would be written (C(changed)), and taken away (C(removed)), below C(dest).
  type: dict
  returned: always
directories:
  description: Directories that were or would be made, or got their owner and mode back.
  type: list
  returned: always
"""

import grp
import pwd
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.files import ABSENT, Access, converge, unpack


def number(module: AnsibleModule, kind: str, name: str) -> int:
    """Return a user's or a group's number."""
    try:
        return pwd.getpwnam(name).pw_uid if kind == "user" else grp.getgrnam(name).gr_gid
    except KeyError:
        if module.check_mode:
            return ABSENT
        raise KcError(f"there is no {kind} {name!r} on this host, to own {module.params['dest']}") from None


def octal(option: str, mode: str | None) -> int | None:
    """Return a mode as a number."""
    if mode is None:
        return None
    if not (3 <= len(mode) <= 4 and set(mode) <= set("01234567")):
        raise KcError(f"{option} is {mode!r}, which is no mode", hint='write it in quotes, such as "0640"')
    return int(mode, 8)


def main() -> None:
    """Converge the tree on this host."""
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "str"},
            "dest": {"type": "path", "required": True},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0644"},
            "directory_mode": {"type": "str"},
            "secret": {"type": "list", "elements": "str", "default": []},
            "manifest": {"type": "str", "default": ".kc-files.json"},
            "rendered": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        owner, group = number(module, "user", params["owner"]), number(module, "group", params["group"])
        directory = octal("directory_mode", params["directory_mode"])
        result = converge(
            Path(params["dest"]),
            unpack(params["rendered"]),
            manifest=params["manifest"],
            access=Access(owner, group, octal("mode", params["mode"])),
            directory=Access(owner, group, directory) if directory is not None else Access(),
            make=Access(owner, group, 0o755 if directory is None else directory),
            check=module.check_mode,
        )
    except KcError as error:
        module.fail_json(msg=str(error))
    changed = bool(result.changed or result.removed or result.directories)
    shown = {"diff": result.diff} if module._diff else {}
    module.exit_json(changed=changed, files={"changed": result.changed, "removed": result.removed}, directories=result.directories, **shown)


if __name__ == "__main__":
    main()
