"""Masters whose pods run: containerd, kubelet, kube-scheduler and kube-controller-manager besides what `make e2e` runs.

The DaemonSet that `manifests` makes runs unmodified, and its status is the controllers' own. `make e2e-node` runs these
tests; they need root, containerd, runc and cgroups of version 1, and are skipped with a reason where one is missing.

Nothing of the machine is changed: a node has namespaces of its own for mounts and processes, and its /var and /run lie
below a temporary directory. The tests have a network of their own with nothing but loopback, so nothing leads outside.
"""
