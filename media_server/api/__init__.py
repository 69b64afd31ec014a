"""The API: what tenants order, what viewers are given. See docs/media.md."""
