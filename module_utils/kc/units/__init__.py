"""Units: what one task converges. Each file holds an argument spec and a pure builder."""
