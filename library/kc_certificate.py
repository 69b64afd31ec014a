#!/usr/bin/python
"""Ansible module: a node's certificate. plugins/action/kc_certificate.py signs it; the work is in module_utils/kc/node_certificate.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_certificate
short_description: Have a node's certificate signed by the platform's authority
description:
  - The key is made on the node and never leaves it. The node asks for a certificate, and the controller signs it with the authority's
    key, which never goes to the node; what it is for is O(names), whatever the request says.
  - It is signed where there is none, less than 30 days are left of it, its names are others, another authority signed it, or the key
    is another one. It holds for a year, for server and client. A node whose key is deleted makes another one.
  - In O(directory) stand C(ca.pem), what the node trusts, C(node.pem), the certificate and the authority's C(chain), C(node.key) and
    C(node.full.pem) (key and certificate in one file), for root and O(group). The group is made where there is none.
options:
  names:
    description: What the certificate is for, names in DNS and addresses. The first one is its common name as well.
    type: list
    elements: str
    required: true
  authority:
    description: The authority (PEM), as the secret of kind C(authority) of M(kc_secrets) holds it.
    type: dict
    required: true
    suboptions:
      certificate:
        description: Its certificate.
        type: str
        required: true
      private_key:
        description: Its key.
        type: str
        required: true
      chain:
        description: What follows a node's certificate while one authority takes over from another.
        type: str
        default: ""
      trusted:
        description: What nodes trust; its certificate where it is left out.
        type: str
        default: ""
  directory:
    description: Where the files are.
    type: path
    default: /etc/kc/tls
  group:
    description: Who may read them, besides root.
    type: str
    default: kc-tls
  signed:
    description: What the action has signed; nobody else gives it.
    type: str
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Certificate
  kc_certificate:
    names: ["{{ kc_node_fqdn }}", localhost]
    authority: "{{ certificate_authority }}"
"""

RETURN = r"""
due:
  description: Why it was, or would be, signed; empty where it is as wanted.
  type: list
  returned: success
files:
  description: What differed, and so was or would be written.
  type: list
  returned: success
"""

import grp
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.files import ABSENT
from ansible.module_utils.kc.node_certificate import converge


def number(name: str, check: bool) -> int:
    """Return a group's number; it is made where there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        if check:
            return ABSENT
    subprocess.run(["groupadd", "--system", name], check=True, capture_output=True)
    return grp.getgrnam(name).gr_gid


def main() -> None:
    """Converge the files on this host."""
    authority = {
        "certificate": {"type": "str", "required": True},
        "private_key": {"type": "str", "no_log": True},
        "chain": {"type": "str", "default": ""},
        "trusted": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "authority": {"type": "dict", "required": True, "options": authority},
            "directory": {"type": "path", "default": "/etc/kc/tls"},
            "group": {"type": "str", "default": "kc-tls"},
            "signed": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params, check = module.params, module.check_mode
    try:
        if params["authority"]["private_key"]:
            raise KcError("the authority's key has no business on a node", hint="the action of the same name keeps it on the controller")
        result = converge(
            Path(params["directory"]),
            params["names"],
            params["authority"],
            group=number(params["group"], check),
            now=datetime.now(UTC),
            signed=params["signed"] or "",
            check=check,
        )
    except KcError as error:
        module.fail_json(msg=str(error))
    changed = bool(result.due or result.files.changed or result.files.removed or result.files.directories)
    shown = {"diff": result.files.diff} if module._diff else {}
    module.exit_json(changed=changed, due=result.due, request=result.request, files=result.files.changed, **shown)


if __name__ == "__main__":
    main()
