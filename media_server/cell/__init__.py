"""Cells: processes that see hostile bytes and clear media, and can do nothing else. See docs/media.md."""
