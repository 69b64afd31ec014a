"""Runbooks: what they are made of, how far a run is, and what it was. The design is in docs/failover.md."""
