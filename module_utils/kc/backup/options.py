"""Options of the modules that keep backups, as documentation, which is their argument spec too."""

from __future__ import annotations

STORE = r"""
options:
  bucket:
    description: The bucket.
    type: str
    required: true
  prefix:
    description: Where in it these backups are, and nobody else's.
    type: str
    required: true
  region:
    description: The bucket's region.
    type: str
    required: true
  aws:
    description: How to reach S3. The default is the role of the node's instance. A server of ClickHouse's own BACKUP always takes that.
    type: dict
    default: {}
    suboptions:
      endpoint_url:
        description: Where S3 answers, instead of AWS's own address.
        type: str
      access_key_id:
        description: Access key.
        type: str
      secret_access_key:
        description: The key's secret. It is never shown.
        type: str
"""
"""Where backups are kept; the documentation fragment `kc_store`."""
