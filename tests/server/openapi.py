#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""openapi.py METHOD PATH STATUS CONTENT_TYPE BODY_FILE: is this answer one that docs/openapi.json describes?

Knows the part of JSON Schema that the file uses, and refuses keywords that it doesn't know. Exits 1 with the place.
openapi.py --routes FILE compares the paths with the route table in server/admin/routes.c.
"""
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
API = json.loads((ROOT / "docs/openapi.json").read_text())
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "pattern", "minimum", "maximum",
         "minLength", "maxLength", "$ref", "description"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Mismatch(Exception):
    pass


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def resolve(schema):
    while "$ref" in schema:
        node = API
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def check_object(value, schema, where):
    properties = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            raise Mismatch(f"{where}: member {name!r} is missing")
    for name, member in value.items():
        if name in properties:
            check(member, properties[name], f"{where}.{name}")
        elif schema.get("additionalProperties", True) is False:
            raise Mismatch(f"{where}: member {name!r} is not described")


def check_text(value, schema, where):
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise Mismatch(f"{where}: {value!r} doesn't match {schema['pattern']}")
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30):
        raise Mismatch(f"{where}: {len(value)} characters")


def check(value, schema, where):
    schema = resolve(schema)
    if set(schema) - KNOWN:
        raise Mismatch(f"{where}: unknown keywords {set(schema) - KNOWN}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_type(value, kind) for kind in kinds):
        raise Mismatch(f"{where}: {value!r} isn't {kinds}")
    if "enum" in schema and value not in schema["enum"]:
        raise Mismatch(f"{where}: {value!r} isn't one of {schema['enum']}")
    if isinstance(value, dict):
        check_object(value, schema, where)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            check(item, schema.get("items", {}), f"{where}[{number}]")
    elif isinstance(value, str):
        check_text(value, schema, where)
    elif is_type(value, "number"):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            raise Mismatch(f"{where}: {value} is out of range")


def find_operation(method, path):
    """Literal paths win over those with parameters."""
    path = path.split("?")[0]
    for template in sorted(API["paths"], key=lambda t: t.count("{")):
        pattern = "^" + re.sub(r"\{[^}]*\}", "[^/]+", re.escape(template).replace(r"\{", "{").replace(r"\}", "}")) + "$"
        if re.match(pattern, path):
            return API["paths"][template].get(method.lower())
    return None


def check_answer(method, path, status, content_type, body):
    operation = find_operation(method, path)
    if operation is None:
        if int(status) < 400:
            raise Mismatch(f"{method} {path} isn't described")
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    else:
        responses = operation["responses"]
        if status not in responses and int(status) < 400:
            raise Mismatch(f"status {status} isn't described")
        content = responses.get(status, responses["default"]).get("content")
    if content is None:
        if body:
            raise Mismatch("a body where none is described")
        return
    if content_type not in content:
        raise Mismatch(f"content type {content_type!r} isn't one of {list(content)}")
    if content_type.endswith("json"):
        value = json.loads(body)
        check(value, content[content_type]["schema"], "body")
        if "problem" in content_type and value["status"] != int(status):
            raise Mismatch(f"status {status}, but the problem says {value['status']}")


def compare_routes(table):
    """Every row of the table is described, with its role, and the other way round."""
    roles = {"ANYBODY": "anybody", "DEVICE": "device", "AUDITOR": "auditor", "APPROVER": "approver",
             "ADMIN": "admin", "OWNER": "owner"}
    rows = re.findall(r'ROUTE\((\w+),\s*"([^"]+)",\s*\w+,\s*(\w+),', Path(table).read_text())
    code = {(method, path, roles[role]) for method, path, role in rows}
    described = {(method.upper(), re.sub(r"\{[^}]*\}", "*", path), operation["x-role"])
                 for path, methods in API["paths"].items() for method, operation in methods.items()}
    for row in sorted(code ^ described):
        print(f"{' '.join(row)}: only in {'the code' if row in code else 'docs/openapi.json'}")
    return 1 if code != described or not code else 0


def main():
    if sys.argv[1] == "--routes":
        return compare_routes(sys.argv[2])
    method, path, status, content_type, body_file = sys.argv[1:]
    try:
        check_answer(method, path, status, content_type, Path(body_file).read_bytes())
    except (Mismatch, ValueError) as wrong:
        print(f"{method} {path} {status}: {wrong}")
        return 1
    return 0


sys.exit(main())
