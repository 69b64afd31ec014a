"""The media server: takes course videos, encrypts them, and gives keys to those who may watch. See docs/media.md."""
