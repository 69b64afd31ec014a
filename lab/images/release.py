"""What a release does with images once they are built: into the registry they go, and front-ends' static files into the bucket."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import store
from .recipes import IMAGES, WORKLOADS
from .store import digest

Client = Callable[[str, str], Any]
FOR_EVER = "public, max-age=31536000, immutable"
"""Names of static files change with their content."""


class Release:
    """Releases what is in the lab's `images.json`, as far as it is not yet released.

    Args:
        home: The lab's directory.
        client: Returns a boto3 client for a service and a region.
        regions: Where to.
    """

    def __init__(self, home: Path, client: Client, regions: Sequence[str]) -> None:
        self.home = home
        self.client = client
        self.regions = regions
        self._read: dict[str, dict[str, tuple[str, bytes]]] = {}

    def release(self) -> list[str]:
        """Put what is missing where a repository or bucket of the platform stands. Returns what was put."""
        images = self._built()
        return [
            line for region in (self.regions if images else ()) for line in (*self._images(region, images), *self._static(region, images))
        ]

    def _built(self) -> dict[str, dict[str, str]]:
        """Return the images that were built here; others that somebody put into the list are his to release."""
        try:
            images = json.loads((self.home / "images.json").read_text())
        except FileNotFoundError:
            return {}
        return {name: about for name, about in images.items() if digest(self._manifest(name)) == about["digest"]}

    def _manifest(self, application: str) -> str:
        file = self.home / "images" / f"{application}.manifest.json"
        return file.read_text() if file.exists() else ""

    def _images(self, region: str, images: Mapping[str, Any]) -> list[str]:
        ecr, put = self.client("ecr", region), []
        pages = ecr.get_paginator("describe_repositories").paginate()
        for repository in (one["repositoryName"] for page in pages for one in page["repositories"]):
            about = images.get(repository.rpartition("/")[2])
            if not about:
                continue
            found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": about["digest"]}])
            if not found["images"]:
                manifest = self._manifest(repository.rpartition("/")[2])
                ecr.put_image(
                    repositoryName=repository,
                    imageManifest=manifest,
                    imageManifestMediaType=json.loads(manifest)["mediaType"],
                    imageTag=about["digest"][7:19],  # the repository's tags never move to another image
                    imageDigest=about["digest"],
                )
                put.append(f"{repository}@{about['digest'][:19]} in {region}")
        return put

    def _static(self, region: str, images: Mapping[str, Any]) -> list[str]:
        s3, put = self.client("s3", region), []
        for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
            if "-static-" not in bucket or not bucket.endswith(f"-{region}"):
                continue
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="static/")
            there = {one["Key"] for page in pages for one in page.get("Contents", [])}
            for key, (caching, content) in self._files(images).items():
                if key not in there:
                    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
                    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=kind, CacheControl=caching)
                    put.append(f"{key} in {region}")
        return put

    def _files(self, images: Mapping[str, Any]) -> dict[str, tuple[str, bytes]]:
        """Return the static files by key: those of the front-ends' images, and the edge's pages for when nothing answers."""
        files = {}
        for application in (name for name, image in IMAGES.items() if image.built and name in images):
            name = images[application]["image"]
            if name not in self._read:
                with store.files(name) as root:
                    self._read[name] = read(root / "srv" / "www", "static", FOR_EVER)
            files.update(self._read[name])
        return {**files, **read(WORKLOADS, "static", "public, max-age=300")}


def read(root: Path, below: str, caching: str) -> dict[str, tuple[str, bytes]]:
    """Return the files below a directory of `root` by their paths, each with how long it may be kept."""
    return {str(path.relative_to(root)): (caching, path.read_bytes()) for path in sorted((root / below).rglob("*")) if path.is_file()}
