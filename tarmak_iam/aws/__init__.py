"""AWS facts without Kubernetes: ARNs and their flaws, partitions, regions, STS hosts; how Go ignores case."""
