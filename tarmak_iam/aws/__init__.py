"""AWS facts without Kubernetes: ARNs and their flaws, partitions, regions, STS hosts."""
