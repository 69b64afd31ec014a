"""The ensemble that coordinates ClickHouse: ClickHouse Keeper or ZooKeeper, spoken to over TLS with what Python brings along."""
