#!/usr/bin/env python3
"""Expands src/http/openapi.json into OpenAPI 3.1 and writes it as a C array of bytes.

    openapi.py OUTPUT INPUT

The result has `components` and, for each "METHOD /path", the parts of the operation that the route
table does not know: parameters, requestBody, responses. A name that is not defined ends the build.
"""
import json
import pathlib
import re
import sys

PLAIN = {
    "string": {"type": "string"}, "integer": {"type": "integer"}, "number": {"type": "number"},
    "boolean": {"type": "boolean"}, "object": {"type": "object"},
    "id": {"type": "string", "format": "uuid"}, "time": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "contentMediaType": "application/octet-stream"},
}
PROBLEM = {"description": "A problem (RFC 9457)",
           "content": {"application/problem+json":
                       {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PHRASES = {"200": "Success", "202": "Accepted and durable", "204": "Done", "206": "A part",
           "302": "Elsewhere", "304": "Not modified"}


class Expander:
    def __init__(self, source):
        self.source = source
        self.names = {**source["schemas"], **source["enums"]}

    def type(self, text):
        if " or " in text:
            return {"oneOf": [self.type(each) for each in text.split(" or ")]}
        if text.startswith("["):
            return {"type": "array", "items": self.type(text[1:-1])}
        if text.endswith("|null"):
            inner = self.type(text[:-5])
            if "$ref" in inner:
                return {"oneOf": [inner, {"type": "null"}]}
            return {**inner, "type": [inner["type"], "null"]}
        if text in PLAIN:
            return PLAIN[text]
        if text not in self.names:
            sys.exit(f"openapi.json: {text} is not defined")
        return {"$ref": f"#/components/schemas/{text}"}

    def schema(self, fields):
        if isinstance(fields, list):
            return {"type": "array", "items": self.type(fields[0])}
        found = {"type": "object", "properties":
                 {name.rstrip("?"): self.type(text) for name, text in fields.items()}}
        required = [name for name in fields if not name.endswith("?")]
        return {**found, "required": required} if required else found

    def components(self):
        schemas = {name: self.schema(fields) for name, fields in self.source["schemas"].items()}
        schemas |= {name: {"type": "string", "enum": values}
                    for name, values in self.source["enums"].items()}
        parameters = {name: {"name": name, "in": row["in"], "schema": self.type(row["type"])}
                      for name, row in self.source["parameters"].items()}
        token = {"type": "http", "scheme": "bearer"}
        return {"schemas": schemas, "parameters": parameters, "securitySchemes": {"token": token}}

    def parameter(self, name):
        if name not in self.source["parameters"]:
            sys.exit(f"openapi.json: the parameter {name} is not defined")
        return {"$ref": f"#/components/parameters/{name}"}

    def route(self, key, row):
        found = {"operationId": re.sub(r"\W+", "_", key).strip("_").lower(), "parameters":
                 [{"name": name, "in": "path", "required": True, "schema": PLAIN["string"]}
                  for name in re.findall(r"{(\w+)}", key)] +
                 [self.parameter(name) for name in row.get("parameters", [])]}
        takes = row.get("takes")
        if takes:
            takes = {"application/json": takes} if isinstance(takes, str) else takes
            found["requestBody"] = {"content": {media: {"schema": self.type(text)}
                                                for media, text in takes.items()}}
        media = row.get("media", "application/json")
        found["responses"] = {
            status: {"description": PHRASES[status],
                     **({"content": {media: {"schema": self.type(text)}}} if text else {})}
            for status, text in row["gives"].items()}
        found["responses"]["default"] = PROBLEM
        return found


def main():
    expander = Expander(json.loads(pathlib.Path(sys.argv[2]).read_text()))
    whole = {"components": expander.components(),
             "routes": {key: expander.route(key, row)
                        for key, row in expander.source["routes"].items()}}
    data = json.dumps(whole, separators=(",", ":")).encode()
    lines = [", ".join(str(byte) for byte in data[at:at + 20]) for at in range(0, len(data), 20)]
    pathlib.Path(sys.argv[1]).write_text(
        "/* Made by tools/openapi.py from src/http/openapi.json. */\n"
        "static const unsigned char openapi_parts[] = {\n    " + ",\n    ".join(lines) + "\n};\n")


if __name__ == "__main__":
    main()
