"""The cluster's objects through kubectl: read, compared, applied, followed, put back."""
