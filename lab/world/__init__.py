"""The world that the AWS only records: networks, hosts, tasks, load balancers, DNS and the edge. See docs/lab.md."""
