"""The exact request of a trained function, made of its artefact alone, without hyperfunc.

python examples/read_artifact.py support.json answer "Where is my parcel?" > body.json

Standard library only; docs/saving.md describes the fields.
"""

import json
import sys
from pathlib import Path


def request(artifact: str | Path, function: str, text: str) -> tuple[str, str, bytes]:
    """Method, path behind the server's address, and body of what ``function`` sends for a user's text."""
    template = json.loads(Path(artifact).read_text(encoding="utf-8"))["requests"][function]
    if "unavailable" in template:
        raise SystemExit(f"the request of {function} cannot be told: {template['unavailable']}")
    *way, last = template["input"]
    place = template["body"]
    for key in way:
        place = place[key]
    place[last] = text
    body = json.dumps(template["body"], ensure_ascii=False, separators=(",", ":"))
    return template["method"], template["path"], body.encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(request(*sys.argv[1:4])[2])
