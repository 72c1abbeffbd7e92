"""What is said of a tarmak that failed, by what the real one has logged."""

from __future__ import annotations

from tarmak_iam.hook.connection import failure_of
from tarmak_iam.hook.programs import Completed
from tests.support.case_rows import rows

LOG = 'time="2026-11-26T19:24:59Z" level='
NO_CREDENTIALS = (
    f'{LOG}info msg="validating tarmak config" app=tarmak\n'
    f'{LOG}error msg="tarmak exited with an error: failed to verify tarmak provider: 1 error occurred:\\n\\t* '
    "there was a problem with veryfing your AWS credentials: NoCredentialProviders: no valid providers in chain. "
    "Deprecated.\\n"
    '\\tFor verbose messaging see aws.Config.CredentialsChainVerboseErrors\\n\\n"\n'
)
POOLS = (
    f"{LOG}fatal msg=\"unable to initialize tarmak: error initializing environment 'dev': 2 errors occurred:\\n\\t* "
    "cluster type 'cluster-single' requires one or more instance pool of type 'worker'\\n\\t* cluster type "
    "'cluster-single' requires exactly one 'bastion' instance pool\\n\\n\"\n"
)
CREDENTIALS_SAID = (
    "tarmak exited with an error: failed to verify tarmak provider: there was a problem with veryfing your AWS "
    "credentials: NoCredentialProviders: no valid providers in chain"
)
POOLS_SAID = (
    "unable to initialize tarmak: error initializing environment 'dev': cluster type 'cluster-single' requires "
    "one or more instance pool of type 'worker'; cluster type 'cluster-single' requires exactly one 'bastion' "
    "instance pool"
)
NO_ANSWER = (
    f'{LOG}warning msg="error connecting to cluster: Get \\"https://127.0.0.1:1/version\\": no route"\n'
    f'{LOG}warning msg="error connecting to cluster: Get \\"https://127.0.0.1:1/version\\": connection refused"\n'
    f'{LOG}fatal msg="error getting image IDs: NoCredentialProviders" app=tarmak cluster=cluster\n'
)
NO_ANSWER_SAID = (
    "error getting image IDs: NoCredentialProviders; before that: error connecting to cluster: Get "
    '"https://127.0.0.1:1/version": connection refused'
)
PANIC = (
    "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation fault]\n"
    "\ngoroutine 1 [running]:\nmain.main()\n\t/go/src/github.com/jetstack/tarmak/cmd/tarmak/main.go:11 +0x45\n"
)


@rows(__file__, "what is said")
def test_what_is_said(err: str, said: str) -> None:
    assert failure_of(Completed(("tarmak", "clusters", "kubeconfig"), 1, "", err)) == said
