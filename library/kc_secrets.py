#!/usr/bin/python
"""Ansible module: the platform's secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kc_secrets
short_description: Converge the platform's secrets in Secrets Manager
description:
  - Run it once for the platform, in its home region; Secrets Manager keeps the replicas in step.
  - A value is made when its secret is created, sent once, and never read back or shown. Change it with O(rotate), or in
    Secrets Manager; a value changed there is not drift.
  - Secrets hold data, so C(state=absent), or a secret that is no longer named, keeps them unless O(data) is C(delete).
  - A deleted secret can be had back for 7 days, the least that AWS allows. It costs nothing and shows nowhere meanwhile.
    Creating it again within these days brings it back with its value, since what that opens may still stand.
extends_documentation_fragment: kc
options:
  secrets:
    description:
      - Secrets by short name. A secret is called C(<platform>/<environment>/<short name>). Its options follow.
      - C(description) (string, required) says what it opens.
      - C(kind) (string, default C(password)) is C(password), kept as C({"username", "password"}); C(random), bytes in base64 kept
        as C({"random"}), for signing and encrypting; C(rsa), a key pair as PEM kept as C({"private_key", "public_key"});
        C(authority), a certificate authority as PEM kept as C({"certificate", "private_key", "chain", "trusted"}); or C(certificate),
        of a service that speaks to nodes, kept as C({"certificate", "private_key", "trusted"}).
      - C(authority) (string) is the short name of the secret that signs a certificate. What it signs is good for a year; name the
        certificate in O(rotate) before that.
      - C(username) (string, default none) is kept with the password.
      - C(length) (integer) is characters of a password (16 to 128, default 40) random bytes (16 to 1024, default 32), or bits
        of an RSA key (2048 to 4096, default 2048, the only one that CloudFront takes). RDS takes
        passwords of 41 characters at most, and MySQL 32 for a replication account. An authority's key is on P-384, always.
      - Passwords are letters, digits and C(-_.~), which mean nothing to a URL, a shell or SQL, and begin with a letter.
      - An authority is good for ten years, and signs nothing but certificates of nodes. C(trusted), its certificate and that of the
        one before it, also stands in the SSM parameter C(tls/<short name>) of each region that the secret stands in, for whoever
        connects to a node. One that is rotated makes C(chain), a certificate for the next by which who trusts only the old one
        accepts nodes that have followed already; so nodes follow in any order. Rotate once more only when all have.
      - C(kind), C(username) and C(length) count whenever a value is made. Changing them changes nothing until O(rotate).
    type: dict
    default: {}
  rotate:
    description:
      - Short names of secrets that get a new value in this run. The old one stays readable as C(AWSPREVIOUS).
      - Every run that names a secret here rotates it, so give it on the command line, not in the inventory.
    type: list
    elements: str
    default: []
  replicate_to:
    description: Regions that get a replica of every secret. The region of O(scope) is left out.
    type: list
    elements: str
    default: []
  key:
    description: Purpose of the KMS key (see M(kc_keys)) that encrypts the secrets, in each region its own.
    type: str
    default: secrets
author: KnowledgeCity operations
"""

EXAMPLES = r"""
- name: Secrets
  kc_secrets:
    scope: "{{ kc_scope }}"
    replicate_to: "{{ groups['regions'] }}"
    rotate: "{{ kc_secrets_rotate }}"
    secrets:
      mysql-admin: {description: MySQL administrator, username: admin}
      media-signing: {description: Signs the media server's links, kind: random}
"""

RETURN = r"""
plan:
  description:
    - What differs, and so was or would be done; C({action, kind, name, region, before, after}) each.
    - A value shows as C((secret)); a rotation as C((secret)) becoming C((new secret)).
  type: list
  returned: always
outputs:
  description: Secrets by kind (C(secret)) and name, with C(id), C(arn) and C(version), the id of the current version.
  type: dict
  returned: always
kept:
  description: What is no longer desired but holds data, and so was left.
  type: list
  returned: always
"""

from ansible.module_utils.kc.entry import main
from ansible.module_utils.kc.units.secrets import UNIT

if __name__ == "__main__":
    main(UNIT, DOCUMENTATION)
