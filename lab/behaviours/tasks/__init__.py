"""ECS's tasks: what a task is, when one is started or ended, and how it runs as a container."""
