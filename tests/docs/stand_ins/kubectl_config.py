"""`kubectl config`: what is in the kubeconfig, and which context is the current one."""

from __future__ import annotations

import json
import sys

from tarmak_iam import yaml_bytes
from tarmak_iam.document import Document
from tests.docs.stand_ins.calls import Call
from tests.docs.stand_ins.kubeconfigs import Chosen, Refusal, choose, path_of
from tests.docs.stand_ins.resources import columns

__all__ = ["config"]


def config(call: Call) -> int:
    given, context = call.options.get("kubeconfig"), call.options.get("context")
    match call.words[1:]:
        case ["view"]:
            chosen = choose(given, context)
            data = chosen.view if "minify" in call.options else chosen.data
            text = json.dumps(data, indent=4) + "\n" if call.output == "json" else yaml_bytes(data).decode()
            sys.stdout.write(text)
        case ["current-context"]:
            print(choose(given, context).context_name)
        case ["get-contexts"]:
            _contexts(call, choose(given, context))
        case ["use-context", name]:
            path = path_of(given)
            choose(given, name)
            path.write_bytes(Document.parse(path.read_bytes()).set(("current-context",), name).to_bytes())
            print(f'Switched to context "{name}".')
        case _:
            raise Refusal(f"the stand-in does not know kubectl {' '.join(call.words)}")
    return 0


def _contexts(call: Call, chosen: Chosen) -> None:
    contexts = chosen.data["contexts"]
    if call.output == "name":
        print("\n".join(each["name"] for each in contexts))
        return
    rows = [["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]]
    for each in contexts:
        current, of = "*" if each["name"] == chosen.context_name else "", each["context"]
        rows.append([current, each["name"], of["cluster"], of["user"], of.get("namespace", "")])
    sys.stdout.write(columns(rows))
