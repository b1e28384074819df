#!/usr/bin/python3
"""Holds YAML files against a JSON schema: schema_check.py SCHEMA FILE..., a line a problem.

Scalars stay text, as diner reads them. Debian's python3-jsonschema, so /usr/bin/python3."""
import json
import sys

import jsonschema
import yaml

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
problems = 0
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        document = yaml.load(file, Loader=yaml.BaseLoader)
    for problem in validator.iter_errors(document):
        problems += 1
        where = "/".join(str(step) for step in problem.absolute_path)
        print(f"{path}: {where}: {problem.message[:200]}")
sys.exit(1 if problems else 0)
