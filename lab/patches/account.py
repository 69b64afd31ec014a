"""The account: regions opted in, quotas."""

from __future__ import annotations

from typing import Any

from ..settings import REGION

QUOTAS = {
    "ebs": [("L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", 50.0)],
    "ec2": [
        ("L-0263D0A3", "EC2-VPC Elastic IPs", 5.0),
        # a new account has 5, and AWS raises it as the account is used: this is what a used one has
        ("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 640.0),
    ],
    "fargate": [  # a new account has fewer, too
        ("L-3032A538", "Fargate On-Demand vCPU resource count", 4000.0),
        ("L-36FBB829", "Fargate Spot vCPU resource count", 4000.0),
    ],
    "s3": [("L-DC2B2D3D", "General purpose buckets", 10000.0)],
    "vpc": [("L-F678F1CE", "VPCs per Region", 5.0)],
}
"""Quotas that moto's lists lack, with AWS's default values (Service Quotas console)."""


def opted_in() -> None:
    """`REGION` is opted in, as the platform's account has it; moto 5.2.5 calls regions it doesn't know `not-opted-in`."""
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    for region in RegionsAndZonesBackend.regions:
        if region.name == REGION:
            region.opt_in_status = "opted-in"


def region_opt_status() -> None:
    """`account:GetRegionOptStatus` and `ListRegions` answer what EC2's DescribeRegions says; moto 5.2.5 has neither."""
    from moto.account import urls
    from moto.account.responses import AccountResponse
    from moto.core.responses import ActionResult
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

    status = {"opt-in-not-required": "ENABLED_BY_DEFAULT", "opted-in": "ENABLED", "not-opted-in": "DISABLED"}

    def regions() -> list[dict[str, str]]:
        return [{"RegionName": one.name, "RegionOptStatus": status[one.opt_in_status]} for one in RegionsAndZonesBackend.regions]

    def get_region_opt_status(self: Any) -> Any:
        name = self._get_param("RegionName")
        return ActionResult(next((one for one in regions() if one["RegionName"] == name), {"RegionName": name}))

    def list_regions(self: Any) -> Any:
        wanted = self._get_param("RegionOptStatusContains") or list(status.values())
        return ActionResult({"Regions": [one for one in regions() if one["RegionOptStatus"] in wanted]})

    AccountResponse.get_region_opt_status = get_region_opt_status
    AccountResponse.list_regions = list_regions
    urls.url_paths.update(dict.fromkeys(("{0}/getRegionOptStatus$", "{0}/listRegions$"), AccountResponse.dispatch))


def quotas() -> None:
    """Service Quotas knows `QUOTAS` too, and lists a service's quotas; moto 5.2.5 knows part of VPC's only."""
    import json

    from moto.servicequotas import models
    from moto.servicequotas.responses import ServiceQuotasResponse

    lists: dict[str, list[dict[str, Any]]] = {"vpc": models.VPC_DEFAULT_QUOTAS}
    for service, entries in QUOTAS.items():
        known = lists.setdefault(service, [])
        have = {quota["QuotaCode"] for quota in known}
        known += [
            {"ServiceCode": service, "QuotaCode": code, "QuotaName": name, "Value": value, "Adjustable": True, "GlobalQuota": False}
            for code, name, value in entries
            if code not in have
        ]

    def list_aws_default_service_quotas(_: Any, service_code: str) -> list[dict[str, Any]]:
        if service_code not in lists:
            raise models.NoSuchResource
        return lists[service_code]

    def get_service_quota(self: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        for quota in list_aws_default_service_quotas(self, service_code):
            if quota["QuotaCode"] == quota_code:
                return quota
        raise models.NoSuchResource

    def list_service_quotas(self: Any) -> str:
        return json.dumps({"Quotas": self.backend.list_aws_default_service_quotas(json.loads(self.body)["ServiceCode"])})

    models.ServiceQuotasBackend.list_aws_default_service_quotas = list_aws_default_service_quotas
    models.ServiceQuotasBackend.get_service_quota = get_service_quota
    ServiceQuotasResponse.list_service_quotas = list_service_quotas


ALL = (opted_in, region_opt_status, quotas)
