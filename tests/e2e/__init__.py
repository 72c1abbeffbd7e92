"""The real parts on one machine: etcd, kube-apiserver, aws-iam-authenticator, kubectl, and an STS on loopback.

`make e2e` builds what is missing and runs these; `make test` leaves them out.
"""
