"""Captions and subtitles: what is taken of them, and how it is kept."""
