"""Connection to a container of this machine that boots as a machine does: enters its namespaces, as `podman exec` would.

Unlike `containers.podman.podman`, it takes modules on standard input (pipelining), and starts one process a task instead of six.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = r"""
name: kc_container
short_description: Containers of this machine, entered
description:
  - Runs commands in the namespaces of a container's first process. It needs root on this machine, and C(podman), C(nsenter) and C(setpriv).
options:
  container:
    description: Name of the container.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_kc_container
author: KnowledgeCity operations
"""

NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Connection(ConnectionBase):
    """Commands of root in a container."""

    transport = "kc_container"
    has_pipelining = True
    _pid = 0
    _connected = False

    def _connect(self) -> Connection:
        if not self._connected:
            name = self.get_option("container")
            asked = subprocess.run(["podman", "container", "inspect", "--format", "{{.State.Pid}}", name], capture_output=True, text=True)
            if asked.returncode:
                raise AnsibleConnectionFailure(f"there is no container {name}: {asked.stderr.strip()}")
            self._pid = int(asked.stdout)
            if not self._pid:
                raise AnsibleConnectionFailure(f"the container {name} does not run")
            self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._connect()
        done = subprocess.run(
            # ends with Ansible: left behind, it would keep the container from ending
            ["setpriv", "--pdeathsig=KILL", "nsenter", f"--target={self._pid}", *NAMESPACES, "--wd=/root", "/bin/sh", "-c", cmd],
            env={"PATH": PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8"},
            input=in_data or b"",
            capture_output=True,
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        if not Path(in_path).exists():
            raise AnsibleFileNotFound(f"there is no {in_path}")
        self._copy(f"cat >{self._shell.quote(out_path)}", Path(in_path).read_bytes())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        Path(out_path).write_bytes(self._copy(f"cat {self._shell.quote(in_path)}"))

    def _copy(self, command: str, content: bytes | None = None) -> bytes:
        status, output, said = self.exec_command(command, content)
        if status:
            raise AnsibleError(f"`{command}` failed in {self.get_option('container')}: {said.decode(errors='replace').strip()}")
        return output

    def close(self) -> None:
        self._connected = False

    def reset(self) -> None:
        self.close()
