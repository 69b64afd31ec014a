"""WAF: a load balancer has one web ACL, and a web ACL knows its load balancers."""

from __future__ import annotations

import json
from typing import Any


def one_acl_a_resource() -> None:
    """AssociateWebACL takes the place of an association that stands, and a load balancer that is gone is associated with nothing.

    moto 5.2.5 keeps both, and the same one twice. It has no ListResourcesForWebACL.
    """
    from moto.elbv2.models import elbv2_backends
    from moto.wafv2.models import WAFV2Backend
    from moto.wafv2.responses import WAFV2Response

    associate = WAFV2Backend.associate_web_acl

    def associate_web_acl(self: Any, web_acl_arn: str, resource_arn: str) -> None:
        if web_acl_arn in self.wacls:
            for acl in self.wacls.values():
                acl.associated_resources = [each for each in acl.associated_resources if each != resource_arn]
        associate(self, web_acl_arn, resource_arn)

    def list_resources_for_web_acl(self: Any) -> Any:
        asked = json.loads(self.body)
        acl = self.wafv2_backend.get_web_acl(asked["WebACLArn"], None, None)
        balancers = elbv2_backends[self.current_account][self.region].load_balancers
        return 200, {}, json.dumps({"ResourceArns": [each for each in acl.associated_resources if each in balancers]})

    WAFV2Backend.associate_web_acl = associate_web_acl
    WAFV2Response.list_resources_for_web_acl = list_resources_for_web_acl


def associated_acls_stay() -> None:
    """DeleteWebACL answers WAFAssociatedItemException while the web ACL protects something; moto 5.2.5 deletes it."""
    from moto.elbv2.models import elbv2_backends
    from moto.wafv2.exceptions import WAFv2ClientError
    from moto.wafv2.models import WAFV2Backend

    delete = WAFV2Backend.delete_web_acl

    def delete_web_acl(self: Any, name: str, scope: str, _id: str, lock_token: str) -> None:
        balancers = elbv2_backends[self.account_id][self.region_name].load_balancers if scope == "REGIONAL" else {}
        if any(each in balancers for acl in self.wacls.values() if acl.id == _id for each in acl.associated_resources):
            raise WAFv2ClientError("WAFAssociatedItemException", "AWS WAF couldn't delete the web ACL: it is associated with a resource.")
        delete(self, name, scope, _id, lock_token)

    WAFV2Backend.delete_web_acl = delete_web_acl


def duplicates_have_awss_code() -> None:
    """CreateWebACL with a name that is taken answers WAFDuplicateItemException (WAFV2 API); moto 5.2.5 calls it WafV2DuplicateItem."""
    from moto.wafv2.exceptions import WAFv2ClientError, WAFV2DuplicateItemException

    def init(self: Any) -> None:
        WAFv2ClientError.__init__(self, "WAFDuplicateItemException", "AWS WAF couldn't do it: something of this name stands already.")

    WAFV2DuplicateItemException.__init__ = init


ALL = (one_acl_a_resource, associated_acls_stay, duplicates_have_awss_code)
