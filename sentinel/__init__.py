"""The sentinel: keeps its region to the lease, and takes over for the other one when that is lost. The design is in docs/sentinel.md."""
