"""Schemas for kubeconform, of what tests/install/helm.sh has downloaded.

    schemas.py kubernetes DEFINITIONS.json TARGET     the kinds of one version of Kubernetes
    schemas.py crds TARGET FILE.yaml...               kinds that operators bring

Both write {kind}-{group}-{version}.json. A key that a schema does not know is refused.
"""

import json
import sys
from pathlib import Path

import yaml

# A lone "=" in a list of operators, which YAML 1.1 has a type of its own for.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


def refs(schema):
    """The names of all definitions that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.rsplit("/", 1)[1]
            else:
                yield from refs(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from refs(value)


def local(schema):
    """The schema, with references into itself."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return {"$ref": "#/definitions/" + reference.rsplit("/", 1)[1]}
        return {key: local(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [local(value) for value in schema]
    return schema


def strict(schema):
    """The schema of a custom resource, without room for unknown keys where it names known ones."""
    if isinstance(schema, list):
        return [strict(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if closed.pop("x-kubernetes-int-or-string", False):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    if "properties" in schema and isinstance(schema["properties"], dict):
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed.setdefault("additionalProperties", False)
    return closed


def write(target, kind, group, version, schema):
    # As kubeconform names them: the first label of the group.
    suffix = "-".join(filter(None, [group.split(".")[0], version]))
    (target / f"{kind.lower()}-{suffix}.json").write_text(json.dumps(schema))


def kubernetes(definitions, target):
    known = json.loads(Path(definitions).read_text())["$defs"]
    for schema in known.values():
        for name in schema.get("x-kubernetes-group-version-kind", []):
            if len(schema["x-kubernetes-group-version-kind"]) > 1:
                continue
            needed, found = list(refs(schema)), {}
            while needed:
                reference = needed.pop()
                if reference not in found:
                    found[reference] = local(known[reference])
                    needed += refs(known[reference])
            whole = local(schema) | {"definitions": found}
            write(target, name["kind"], name["group"], name["version"], whole)


def crds(target, files):
    for file in files:
        for crd in yaml.safe_load_all(Path(file).read_text()):
            if not isinstance(crd, dict) or crd.get("kind") != "CustomResourceDefinition":
                continue
            for version in crd["spec"]["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                spec = crd["spec"]
                write(target, spec["names"]["kind"], spec["group"], version["name"], schema)


if __name__ == "__main__":
    if sys.argv[1] == "kubernetes":
        folder = Path(sys.argv[3])
        folder.mkdir(parents=True, exist_ok=True)
        kubernetes(sys.argv[2], folder)
    else:
        folder = Path(sys.argv[2])
        folder.mkdir(parents=True, exist_ok=True)
        crds(folder, sys.argv[3:])
