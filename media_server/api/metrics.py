"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

KEYS = Counter("media_keys_total", "Keys and licences, by outcome", ["outcome"])
SEGMENTS = Counter(
    "media_segments_total", "Requests for segments, playlists and pictures, by where they came from, or what came of it", ["outcome"]
)
UPLOADED = Counter("media_uploaded_bytes_total", "Bytes of files that were uploaded")
UPLOADS = Counter("media_uploads_total", "Uploads, by outcome", ["outcome"])
REQUESTS = Counter("media_requests_total", "Requests but those for keys and segments, by route and status", ["route", "status"])
SECONDS = Histogram("media_request_seconds", "Seconds that they took, by route", ["route"], buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600))
