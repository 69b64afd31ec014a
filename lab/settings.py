"""What the lab needs to know, read from the lab's inventory and two environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).absolute().parents[1]
INVENTORY = ROOT / "inventories" / "lab" / "group_vars" / "all" / "aws.yml"
WORLD_AGENT = "kc-lab-world"
"""What behaviours call themselves: they are the AWS's own, and a region's API answers them when it answers nobody else."""

REGION = "me-west-1"
"""The region that a client gets which names none."""


@dataclass(frozen=True)
class Settings:
    """Where the lab runs and who it says it is.

    Attributes:
        port: TCP port on loopback; `KC_LAB_PORT`, else the inventory's.
        home: Directory of pid files, logs and state; `KC_LAB_DIR`, else `.lab` beside `lab/`.
        account: AWS account id.
        access_key: Access key; the lab accepts any, its clients need one.
        secret_key: The key's secret.
    """

    port: int
    home: Path
    account: str
    access_key: str
    secret_key: str

    @classmethod
    def load(cls) -> Settings:
        """Read the settings.

        Raises:
            ValueError: `KC_LAB_PORT` is no port.
        """
        inventory: dict[str, Any] = yaml.safe_load(INVENTORY.read_text())
        port = os.environ.get("KC_LAB_PORT") or inventory["lab_port"]
        if not str(port).isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"KC_LAB_PORT is `{port}`, which is no TCP port")
        return cls(
            port=int(port),
            home=Path(os.environ.get("KC_LAB_DIR") or ROOT / ".lab").absolute(),
            account=inventory["kc_account"],
            access_key=inventory["kc_aws"]["access_key_id"],
            secret_key=inventory["kc_aws"]["secret_access_key"],
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dns_port(self) -> int:
        """The port on loopback at which the world answers DNS: the one after the AWS's."""
        return self.port + 1

    @property
    def environment(self) -> dict[str, str]:
        """What any AWS client (aws CLI, boto3, Terraform …) needs to talk to the lab."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    HIDING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
    """Variables that would send a client elsewhere although `environment` is set."""
