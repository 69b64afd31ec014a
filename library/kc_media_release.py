#!/usr/bin/python
"""Ansible module: a release of the media server as an archive, on the controller. The work is in module_utils/kc/media.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_media_release
short_description: Have a release of the media server as one archive
description:
  - For C(delegate_to=localhost). The package, the packages of PyPI that it pins, laid out for a host's Python and processor by pip
    (wheels only, nothing is built or run), and its pages, which npm builds, go into one archive in a cache. It is known by a hash of all
    that goes in, and made where the cache has none.
  - It changes nothing on a host, so it never says C(changed). In check mode no archive is made, and O(cache) may lack it.
options:
  source:
    description: Directory of the package C(media_server).
    type: path
    required: true
  requirements:
    description: File that pins what it needs.
    type: path
    required: true
  constraints:
    description: File that pins what these need.
    type: path
    required: true
  python:
    description: Version of the host's Python, as C(3.11).
    type: str
    required: true
  machine:
    description: The host's processor, as C(x86_64).
    type: str
    required: true
  pages:
    description: Whether its pages are in it, which takes npm.
    type: bool
    default: true
  cache:
    description: Directory that archives are kept in. It is made where it is missing.
    type: path
    required: true
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Release
  kc_media_release:
    source: media_server
    requirements: media_server/requirements.txt
    constraints: constraints.txt
    python: "3.11"
    machine: x86_64
    cache: ~/.cache/kc-media
  delegate_to: localhost
"""

RETURN = r"""
version:
  description: What the release is known by.
  type: str
  returned: success
archive:
  description: Its file on the controller.
  type: path
  returned: success, not in check mode
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.kc.errors import KcError
from ansible.module_utils.kc.media import Target, archive, version


def main() -> None:
    """Make the archive."""
    names = ("source", "requirements", "constraints", "cache")
    module = AnsibleModule(
        argument_spec={
            **{name: {"type": "path", "required": True} for name in names},
            **{name: {"type": "str", "required": True} for name in ("python", "machine")},
            "pages": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    source, requirements, constraints, cache = (Path(module.params[name]) for name in names)
    target = Target(module.params["python"], module.params["machine"])
    try:
        pages = module.params["pages"]
        result = {"version": version(source, [requirements, constraints], target, pages)}
        if not module.check_mode:
            result["archive"] = str(archive(source, requirements, constraints, target, pages, cache))
    except KcError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
