"""A two-region world on one machine, for trying, testing and drilling."""
