"""The images that the lab's tasks run: made on this machine, from its own packages and `lab/workloads/`. See lab/README.md."""
