"""Whether the standby could take over now: what is found, how it is judged, and whom to ask. The design is in docs/failover.md."""
