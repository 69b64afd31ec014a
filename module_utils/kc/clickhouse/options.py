"""Options that several ClickHouse modules have, as documentation, which is their argument spec too."""

from __future__ import annotations

from ..sql.options import ACCESS

COMMON = (
    r"""
options:
  nodes:
    description:
      - The nodes to work on, C(host) or C(host:port). The certificate of each must be for this name.
      - What must be the same on all nodes of a cluster is verified on each of these, so name all of them.
    type: list
    elements: str
    required: true
  port:
    description: Port of the native protocol over TLS, where a node names none.
    type: int
    default: 9440
  ca:
    description: File on this host with the certificate (PEM) of the authority that the nodes' certificates are of. No other is trusted.
    type: str
    default: /etc/kc/tls/ca.pem
"""
    + ACCESS
)
"""Options of every ClickHouse module; the documentation fragment `kc_clickhouse`."""

TABLE = r"""
options:
  name:
    description: Name of the table.
    type: str
    required: true
  kind:
    description: C(view) is a materialised view that fills the table O(target) from what O(select) makes of each insert.
    type: str
    choices: [table, view]
    default: table
  columns:
    description: All columns, in order. The order says where a new one is put; that of standing ones is left as it is.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the column.
        type: str
        required: true
      type:
        description: Type of the column, such as C(Array(Nullable(Int8))).
        type: str
        required: true
      default:
        description: Expression of the value where an insert gives none.
        type: str
      materialized:
        description: Expression of a value that is stored, and that no insert gives.
        type: str
      alias:
        description: Expression of a value that is computed when it is read.
        type: str
      comment:
        description: What it means.
        type: str
      codec:
        description: How it is compressed, such as C(ZSTD(1)). The default leaves it as it is.
        type: str
  engine:
    description: Name of the engine, such as C(ReplicatedMergeTree).
    type: str
  engine_arguments:
    description: The engine's arguments, without the path and the replica's name of a Replicated one.
    type: list
    elements: str
    default: []
  path:
    description:
      - Where the replicas of a Replicated table meet in the ensemble, below the cluster's root.
      - The default is C(/clickhouse/tables/{shard}/<database>/<name>), the same on all versions.
    type: str
  replica:
    description: Name of the replica there; the default is the server's macro C({replica}).
    type: str
    default: "{replica}"
  order_by:
    description: Expressions that rows are sorted by.
    type: list
    elements: str
    default: []
  primary_key:
    description: Expressions of the primary key, a beginning of O(order_by), which is the default.
    type: list
    elements: str
    default: []
  partition_by:
    description: Expression that parts are kept apart by.
    type: str
  sample_by:
    description: Expression that is sampled by.
    type: str
  ttl:
    description: When rows go, such as C(day + INTERVAL 2 YEAR). Empty takes it away; the default leaves it as it is.
    type: str
  settings:
    description: Settings of the table. Others are left as they are.
    type: dict
    default: {}
  drop:
    description: Columns that may be dropped, with all that they hold. Those that do not stand are no error.
    type: list
    elements: str
    default: []
  target:
    description: The table, in the same database, that a view fills.
    type: str
  select:
    description: The view's query. Tables are named with their database.
    type: str
  replace:
    description:
      - Whether a view that differs may be dropped and made again. What is inserted in between is missing in its target, so do it while
        nothing is inserted.
    type: bool
    default: false
"""
"""Options that describe a table or a view; the documentation fragment `kc_clickhouse_table`."""
