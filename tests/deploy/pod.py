#!/usr/bin/env python3
"""What a container of a manifest or a service of a compose file would be started as, for a shell:

    pod.py FILE NAME       NAME of the Deployment, CronJob, Job or service
    eval "$(...)"          then "$@" are its arguments, and its environment is exported

Secrets and addresses are asked of the environment: SECRET_PLATFORM_DSN is key platform-dsn of the secret.
"""
import os
import re
import shlex
import sys

import yaml


def secret(key):
    return os.environ["SECRET_" + key.upper().replace("-", "_")]


def container_of(manifest):
    spec = manifest["spec"]
    spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
    return spec["template"]["spec"]["containers"][0]


def start(container):
    """Of a compose file: values with ${NAME:?message} in them."""
    environment = container.get("environment", {})
    for key, text in environment.items():
        value = re.sub(r"[$]{(\w+):[?][^}]*}", lambda m: os.environ[m[1]], text)
        print(f"export {key}={shlex.quote(value)}")
    print("set --", shlex.join(container.get("command", [])))


file, name = sys.argv[1:]
for manifest in yaml.safe_load_all(open(file, encoding="utf-8")):
    if "services" in manifest:
        start(manifest["services"][name])
        break
    at = manifest["metadata"]
    if name in (at.get("name"), at.get("generateName")) and "template" in str(manifest["spec"]):
        container = container_of(manifest)
        for entry in container.get("env", []):
            value = secret(entry["valueFrom"]["secretKeyRef"]["key"]) if "valueFrom" in entry else entry["value"]
            print(f"export {entry['name']}={shlex.quote(value)}")
        print("set --", shlex.join(container["args"]))
        break
else:
    sys.exit(f"{file} has no {name}")
