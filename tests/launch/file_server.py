"""An MCP server of one tool, which reads the file that it is told of; as developers add such servers."""

import json
import sys
from pathlib import Path

TOOL = {
    "name": "read",
    "description": "Reads a file.",
    "inputSchema": {"type": "object", "properties": {"source": {"type": "string"}}, "required": ["source"]},
}


def answer(method: str, params: dict[str, object]) -> dict[str, object]:
    if method == "initialize":
        server = {"name": "files", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        return {"tools": [TOOL]}
    arguments = params.get("arguments")
    source = arguments["source"] if isinstance(arguments, dict) else ""
    return {"content": [{"type": "text", "text": Path(source).read_text()}]}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            result = answer(message["method"], message.get("params") or {})
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
