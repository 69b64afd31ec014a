"""Secrets Manager: replicas keep their keys."""

from __future__ import annotations

from typing import Any


def replica_keys_kept() -> None:
    """A replica is encrypted with the key that it was asked for; moto 5.2.5 forgets it."""
    from moto.secretsmanager.models import FakeSecret

    create = FakeSecret.create_replicas

    def create_replicas(self: Any, replica_regions: list[dict[str, str]], force_overwrite: bool) -> list[Any]:
        made: list[Any] = create(self, replica_regions, force_overwrite)
        for replica, asked in zip(made, replica_regions, strict=True):
            if asked.get("KmsKeyId"):
                replica.config["KmsKeyId"] = asked["KmsKeyId"]
        return made

    FakeSecret.create_replicas = create_replicas


ALL = (replica_keys_kept,)
