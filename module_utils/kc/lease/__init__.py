"""The lease: which region may take writes. The design is in docs/sentinel.md."""
