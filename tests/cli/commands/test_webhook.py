"""`webhook` and `doctor` as a person uses them."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tarmak_iam.doctor import examine_tree, read_tree
from tarmak_iam.pki import ServerNames, make_pair
from tests.support import ADMIN, ROOT, Shell
from tests.support.admin_certificates import NO_CERTIFICATE
from tests.support.masters import WEBHOOK, lay_master
from tests.support.os_calls import killed_at_each_change
from tests.support.webhook_pairs import NOW, files, lay, rsa_key

CERT, KEY, CONFIG = "cert.pem", "key.pem", "aws-iam-authenticator.kubeconfig"


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few keys instead of new ones, a different one each time."""
    numbers = iter(range(1, 100))

    def make(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        assert (public_exponent, key_size) == (65537, 2048)
        return rsa_key(next(numbers))

    monkeypatch.setattr("tarmak_iam.pki.webhook_pair.rsa.generate_private_key", make)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_journey(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = shell.run("webhook", "--output-dir", out)
    assert done.out == f"wrote {out / KEY}\nwrote {out / CERT}\nwrote {out / CONFIG}\n"
    assert done.err == (
        "install these files on every master before its API server starts, owned by root:\n"
        "  cert.pem -> /var/aws-iam-authenticator/cert.pem (0644)\n"
        "  key.pem -> /var/aws-iam-authenticator/key.pem (0600)\n"
        "  aws-iam-authenticator.kubeconfig -> /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml (0644)\n"
        "Tarmak's init unit keeps certificate and key, writes the kubeconfig again for "
        "https://localhost:21362/authenticate, and copies it to /etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml\n"
    )
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    checked = shell.run("doctor", out)
    assert checked.out == ""
    assert checked.err == (
        "no findings\n"
        "checked: cert.pem, key.pem, webhook kubeconfig\n"
        "not found: flags.txt, authenticator configuration, DaemonSet, client kubeconfig\n"
        "not compared with tarmak.yaml: no cluster is selected\n"
    )
    again = shell.run("webhook", "--output-dir", out, "--days", "5")
    assert again.out == f"unchanged {out / KEY}\nunchanged {out / CERT}\nunchanged {out / CONFIG}\n"
    assert again.err.startswith(
        "--days was ignored: the existing certificate and key are kept; use --renew to create new ones\n"
    )


def test_renewing_loses_nothing(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("webhook", "--output-dir", out)
    before = content(out)
    renewed = shell.run("webhook", "--output-dir", out, "--renew")
    assert renewed.err.endswith(
        "warning: IAM logins fail until the files are on all masters and both servers are restarted; "
        "the admin certificate was not examined\n"
    )
    after = content(out)
    for name, data in before.items():
        assert after[name] != data
        kept = [other for other in after if other.startswith(f"{name}.")]
        assert [after[other] for other in kept] == [data]
        mode = stat.S_IMODE((out / kept[0]).stat().st_mode)
        assert mode == (0o600 if name == KEY else 0o644)
    shell.run("doctor", out)


def test_an_open_key_is_closed(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.run("webhook", "--output-dir", out)
    (out / KEY).chmod(0o644)
    assert f"; run `chmod 600 {out / KEY}`, and if" in shell.run("doctor", out, code=1).out
    assert f"restricted {out / KEY}\n" in shell.run("webhook", "--output-dir", out).out
    assert stat.S_IMODE((out / KEY).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("args", "changes", "message"),
    [
        ((), {CERT: None}, f"{KEY}: error: key.pem exists without cert.pem, and a new certificate and key would"),
        ((), {KEY: None}, f"{CERT}: error: cert.pem exists without key.pem, and a new certificate and key would"),
        ((), {KEY: files(number=99)[KEY]}, f"{CERT}: error: key.pem is not the key of cert.pem"),
        ((), {KEY: b""}, f"{KEY}: error: key.pem cannot be used: it contains no PEM block of this type"),
        ((), {CERT: b"x"}, f"{CERT}: error: cert.pem cannot be used: it contains no PEM block of this type"),
        ((), {CERT: files()[CERT].replace(b"\nM", b"\nN", 1)}, f"{CERT}: error: cert.pem: it cannot be read"),
        ((), {KEY: files()[KEY].replace(b"\nM", b"\nN", 1)}, f"{KEY}: error: key.pem: it cannot be read"),
        (("--hostname", "a.b"), {}, f"{CERT}: error: the certificate is for localhost, 127.0.0.1, not for a.b"),
        (
            (),
            {CERT: files(days=100)[CERT]},
            f"{CERT}: error: the certificate is valid only from 2020-11-25 to 2021-03-05",
        ),
    ],
)
def test_a_pair_that_cannot_be_kept(
    shell: Shell, tmp_path: Path, args: Sequence[str], changes: dict[str, bytes | None], message: str
) -> None:
    out = tmp_path / "out"
    laid = {name: data for name, data in {**files(), **changes}.items() if data is not None}
    lay(out, laid)
    failed = shell.run("webhook", "--output-dir", out, *args, code=2)
    assert failed.err.startswith(f"{out}/{message}")
    assert "--renew" in failed.err
    assert content(out) == laid
    shell.run("webhook", "--output-dir", out, *args, "--renew")
    after = content(out)
    assert {data for name, data in after.items() if name not in (CERT, KEY, CONFIG)} == set(laid.values())
    shell.run("doctor", out)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_full_disk_leaves_all_as_it_was(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    out, real = tmp_path / "out", os.replace
    out.mkdir()
    if is_there:
        shell.run("webhook", "--output-dir", out)
    before = content(out)
    for name in (KEY, CERT, CONFIG):

        def replace(source: str, target: Path, name: str = name) -> None:
            if Path(target).name == name:
                raise OSError(28, "No space left on device")
            real(source, target)

        monkeypatch.setattr(os, "replace", replace)
        failed = shell.run("webhook", "--output-dir", out, "--renew", code=2)
        assert failed.out == ""
        assert "No space left on device" in failed.err
        assert content(out) == before
        assert not is_there or stat.S_IMODE((out / KEY).stat().st_mode) == 0o600


def test_a_pipe_is_not_waited_for(shell: Shell, tmp_path: Path) -> None:
    for name in (KEY, CERT, CONFIG):
        os.mkfifo(tmp_path / name)
        assert shell.run("webhook", "--output-dir", tmp_path, code=2).err == (
            f"{tmp_path / name}: error: this is a named pipe; specify a file\n"
        )
        (tmp_path / name).unlink()


def test_a_crash_at_the_first_run_is_noticed_and_the_next_one_completes_it(shell: Shell, tmp_path: Path) -> None:
    out = lay(tmp_path / "out", {KEY: files()[KEY]})
    found = shell.run("doctor", out, code=1).out
    assert "[WEB002]" in found
    assert f"or run `tarmak-iam webhook --output-dir {out}`, which creates one for this key" in found
    done = shell.run("webhook", "--output-dir", out)
    assert done.out == f"unchanged {out / KEY}\nwrote {out / CERT}\nwrote {out / CONFIG}\n"
    assert done.err.startswith("created cert.pem for the existing key.pem, which an interrupted run may have left ")
    assert "IAM logins fail until the files are on all masters and both servers are restarted; " in done.err
    assert content(out).keys() == {KEY, CERT, CONFIG}
    assert content(out)[KEY] == files()[KEY]
    shell.run("doctor", out)


def test_no_certificate_is_made_for_a_key_that_init_does_not_make(shell: Shell, tmp_path: Path) -> None:
    """Such as one that is short, or long: that would take long. Nor for one whose certificate is lost."""
    right, short = files()[KEY], make_pair(ServerNames(), now=NOW, key=rsa_key(0, 1024)).key
    wrong = [b"", b"x", right[:-20], right.replace(b"\nM", b"\nN", 1), right.replace(b"RSA ", b""), short]
    for number, key in enumerate(wrong):
        out = lay(tmp_path / str(number), {KEY: key})
        failed = shell.run("webhook", "--output-dir", out, code=2)
        what = "key.pem exists without cert.pem, and a new certificate and key "
        assert failed.err.startswith(f"{out / KEY}: error: {what}")
        assert content(out) == {KEY: key}
        assert "which creates one for this key" not in shell.run("doctor", out, code=1).out
    found = shell.run("doctor", lay(tmp_path / "out", {KEY: right, CONFIG: files()[CONFIG]}), code=1).out
    assert "restore cert.pem before `init` or the authenticator starts" in found
    assert "which creates one for this key" not in found


@pytest.mark.parametrize("options", [(), pytest.param(("--renew",), marks=pytest.mark.thorough)])
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """And no key is lost: that of the masters before `--renew`, or that of a killed run."""
    out = tmp_path / "out"
    old = files() if options else {}
    seconds = deque(NOW + timedelta(seconds=number) for number in range(1000))  # copies are named after them
    clock = mock.Mock(now=mock.Mock(side_effect=lambda _: seconds.popleft()))
    monkeypatch.setattr("tarmak_iam.cli.commands.webhook.datetime", clock)

    def prepare() -> None:
        seconds.popleft()
        shutil.rmtree(out, ignore_errors=True)
        lay(out, old)

    def work() -> None:
        shell.run("webhook", "--output-dir", out, *options)

    prepare()
    work()  # imports what it needs
    seen = set()
    for _ in killed_at_each_change(prepare, work):
        left = content(out) if out.exists() else {}
        seen.add(frozenset(left) & {KEY, CERT, CONFIG})
        seconds.popleft()
        work()
        made = content(out)
        assert made.keys() >= {KEY, CERT, CONFIG}
        assert {data for name, data in old.items() if name == KEY} <= set(made.values())
        if not options and KEY in left:
            assert made[KEY] == left[KEY]
        assert examine_tree(read_tree(out), now=datetime.now(timezone.utc)).diagnoses == ()
    whole = frozenset({KEY, CERT, CONFIG})
    assert seen == ({whole} if options else {frozenset(), frozenset({KEY}), frozenset({KEY, CERT}), whole})


def test_the_cluster_s_mappings_decide(shell: Shell, tmp_path: Path) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    mappings = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings.write_text(mappings.read_text().replace("server:", "server:\n  port: 31362\n  hostname: master.internal"))
    out = tmp_path / "out"
    done = shell.dev("webhook", "--output-dir", out)
    assert b"server: https://master.internal:31362/authenticate\n" in (out / CONFIG).read_bytes()
    assert "this kubeconfig is for https://master.internal:31362/authenticate" in done.err
    shell.dev("doctor", out)
    shell.dev("webhook", "--output-dir", out, "--port", "21362")
    assert "connects to port 21362, but the authenticator listens on 31362" in shell.dev("doctor", out, code=1).out
    mappings.write_text("server: [\n")
    assert shell.dev("webhook", "--output-dir", out, code=2).err.startswith(f"{mappings}:")


def test_a_broken_tarmak_yaml_of_nobody_s_choice(shell: Shell, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".tarmak"
    home.mkdir(parents=True)
    (home / "tarmak.yaml").write_text("apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n")
    out = lay(tmp_path / "out", files())
    assert shell.run("doctor", out).err.endswith(
        "DaemonSet, client kubeconfig\nnot compared with tarmak.yaml: no cluster is selected\n"
    )
    (home / "tarmak.yaml").write_text("x: [")
    assert "not compared with tarmak.yaml: /" in shell.run("doctor", out).err
    shell.run("-c", home, "doctor", out, code=2)


def test_a_rendered_directory_and_a_master(shell: Shell, tmp_path: Path) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    out = tmp_path / "out"
    shell.dev("render", "--output-dir", out)
    assert "checked: flags.txt, authenticator configuration, DaemonSet, client kubeconfig, tarmak.yaml" in (
        shell.dev("doctor", out).err
    )
    lay_master(out)
    shell.dev("doctor", out, "--root")
    (out / WEBHOOK).write_bytes((out / WEBHOOK).read_bytes().replace(b"\n", b"\r\n"))
    shell.dev("doctor", out)
    config = out / "configmap.yaml"
    config.write_text(config.read_text().replace("dev-cluster", "other"))
    checked = shell.dev("doctor", out, "-o", "json", code=1)
    found = json.loads(checked.out)
    way_in = NO_CERTIFICATE.format(shell.single / "dev-cluster" / "kubeconfig")
    assert checked.err.endswith(f"\n{way_in}; run `tarmak -c {shell.single} clusters kubeconfig` for a new one\n")
    assert [(each["id"], each["severity"], Path(each["file"]).name) for each in found] == [
        ("WEB060", "error", "configmap.yaml")
    ]


def test_a_rendered_directory_of_many_mappings(shell: Shell, tmp_path: Path) -> None:
    """Each is a file of its own."""
    entries = "".join(
        f"  - roleARN: arn:aws:iam::111122223333:role/Role{number}\n    username: role{number}\n    groups: [dev]\n"
        for number in range(210)
    )
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(f"server:\n  mapRoles:\n{entries}")
    shell.dev("render", "--output-dir", tmp_path / "out", "--backend", "CRD")
    assert shell.dev("doctor", tmp_path / "out").out == ""


def test_warnings_fail_unless_told_otherwise(shell: Shell, tmp_path: Path) -> None:
    out = lay(tmp_path / "out", files())
    (out / CERT).write_bytes(files()[CERT].replace(b"\n", b"\r\n"))
    assert shell.run("doctor", out, code=1).err.startswith("1 warning\n")
    shell.run("doctor", out, "--fail-on", "error")
    assert "[WEB027]" in shell.run("doctor", out, "--expires-within", "99999", code=1).out


def test_nothing_to_look_at_is_not_fine(shell: Shell, tmp_path: Path) -> None:
    empty, unrelated, machine = (tmp_path / name for name in ("empty", "unrelated", "machine"))
    empty.mkdir()
    unrelated.mkdir()
    (unrelated / "values.yaml").write_text("a: 1\n")
    (machine / "etc" / "systemd" / "system").mkdir(parents=True)
    for directory in (empty, unrelated, machine):
        assert "this directory has no files of the authenticator" in shell.run("doctor", directory, code=2).err
        shell.run("doctor", directory, "--root", code=1)


def test_more_than_anybody_means_to_have_looked_at(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"# {'x' * 6_000_000}\n")
    remedy = "specify the directory with the authenticator's files"
    assert shell.run("doctor", tmp_path, code=2).err == (
        f"{tmp_path}: error: its YAML and JSON files have more than 10,485,760 bytes, the limit; {remedy}\n"
    )
    monkeypatch.setattr("tarmak_iam.doctor.file_tree._MANY", 1)
    assert shell.run("doctor", tmp_path, code=2).err == (
        f"{tmp_path}: error: it contains 2 YAML and JSON files, and the limit is 1; {remedy}\n"
    )


def test_without_cryptography(tmp_path: Path) -> None:
    """Not needed for help, and missed by name."""
    out = lay(tmp_path / "out", {CERT: b"x"})
    program = (
        "import sys\nfrom tarmak_iam.cli.main import main\nfor name in ('doctor', 'webhook'):\n"
        "    main([name, '--help'])\nassert 'cryptography' not in sys.modules\nsys.modules['cryptography'] = None\n"
        f"print(*map(int, [main(['webhook', '--output-dir', {str(out)!r}]), main(['doctor', {str(out)!r}])]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    message = "error: certificates need cryptography, which is not installed; install cryptography, or the extra"
    assert (done.stdout.splitlines()[-1], done.stderr) == ("2 2", f"{message} `webhook`\n" * 2)
    assert content(out) == {CERT: b"x"}


@pytest.mark.parametrize(
    ("line", "option", "message"),
    [
        ("Port: 99999", "--port 21362", "9: error: server.port: 99999 is not a valid port; use a port from 1 to"),
        ("hostname: a b", "--hostname a", "13: error: server.hostname: 'a b' is neither a host name nor an IP"),
        ("address: here", "--address 127.0.0.1", "12: error: server.address: 'here' is not a valid IP address; use"),
    ],
)
def test_what_the_mappings_say_of_the_server_is_told_there(
    shell: Shell, tmp_path: Path, line: str, option: str, message: str
) -> None:
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.write_text(f"server:\n  {line}\n")
    failed = shell.dev("webhook", "--output-dir", tmp_path / "out", code=2)
    assert failed.err.startswith(f"{file}:2:{message}")
    assert not (tmp_path / "out").exists()
    shell.dev("webhook", "--output-dir", tmp_path / "out", *option.split())
