"""The same answers, sooner. Numbers and method are in `lab/README.md`."""

from __future__ import annotations

import copy
import functools
from typing import Any


def remember_backends_by_host() -> None:
    """Remember which backend a host name belongs to; moto 5.2.5 lists its own directory on disk for each request."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication as App

    find = App.get_backend_for_host
    known: dict[str | None, Any] = {}

    def get_backend_for_host(self: Any, host: str | None) -> Any:
        if host not in known:
            known[host] = find(self, host)
        return known[host]

    App.get_backend_for_host = get_backend_for_host


def remember_method_names() -> None:
    """Remember a response class's methods; moto 5.2.5 inspects the class for each request."""
    import moto.core.responses as responses

    responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def remember_attribute_names() -> None:
    """Remember under which names an answer's field may be found; moto 5.2.5 derives them anew for every value.

    The candidates depend on nothing but the picker, the object's class, the field's shape and its path. What becomes of the
    value may change with each request (ECS shows tags only where they are asked for).
    """
    import moto.core.serialize as serialize

    candidates: dict[Any, list[str]] = {}

    def pick(self: Any, context: Any) -> Any:
        at = (type(self), type(context.obj), context.shape, context.key_path, context.key)
        names = candidates.get(at)
        if names is None:
            names = candidates[at] = list(dict.fromkeys(self.get_possible_keys(context)))
        value = None
        for name in names:
            found = serialize.get_value(context.obj, name, serialize.MISSING)
            if found is not serialize.MISSING:
                value = found
                break
        if self.response_transformers:
            path = f"{context.key_path}.{context.key}"
            for end, transform in self.response_transformers.items():
                if path.endswith(end):
                    return transform(value)
        return value

    serialize.AttributePicker.__call__ = pick


def no_rsa_for_symmetric_keys() -> None:
    """A symmetric KMS key has no key pair; moto 5.2.5 generates one for each (50 ms), never used."""
    import moto.kms.models as models

    generate = models.generate_private_key
    models.generate_private_key = lambda spec: None if spec == "SYMMETRIC_DEFAULT" else generate(spec)


def tags_of_one_resource() -> None:
    """Look the tags of one EC2 resource up; moto 5.2.5 matches a pattern against every tag of the region each time."""
    from moto.ec2.models.tags import EC2_PREFIX_TO_RESOURCE, TagBackend, get_prefix

    describe = TagBackend.describe_tags

    def describe_tags(self: Any, filters: dict[str, list[str]] | None = None) -> list[dict[str, str]]:
        ids = (filters or {}).get("resource-id") or []
        if len(ids) != 1 or len(filters or {}) != 1 or set(ids[0]) & set("*?"):
            return list(describe(self, filters))
        (one,) = ids
        return [
            {"resource_id": one, "key": key, "value": value, "resource_type": EC2_PREFIX_TO_RESOURCE.get(get_prefix(one), "")}
            for key, value in self.tags.get(one, {}).items()
        ]

    TagBackend.describe_tags = describe_tags


def remember_managed_policies() -> None:
    """Read the policies that AWS manages once; moto 5.2.5 reads and writes 5 MB of JSON for each account that begins or is emptied.

    Each account has them to itself all the same: what is attached is counted on them.
    """
    from moto.iam.models import IAMBackend

    read = IAMBackend._init_aws_policies
    known: dict[tuple[str, str], list[Any]] = {}

    def own(policy: Any) -> Any:
        copied = copy.copy(policy)
        copied.tags, copied.versions = {}, [copy.copy(version) for version in policy.versions]
        return copied

    def policies(self: Any) -> list[Any]:
        account = self.account_id, self.region_name
        if account not in known:
            known[account] = read(self)
        return [own(policy) for policy in known[account]]

    IAMBackend._init_aws_policies = policies


ALL = (
    remember_managed_policies,
    remember_backends_by_host,
    remember_method_names,
    remember_attribute_names,
    no_rsa_for_symmetric_keys,
    tags_of_one_resource,
)
