"""AWS without Kubernetes: ARNs and what is wrong with them, partitions, regions, STS hosts."""
