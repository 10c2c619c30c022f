"""The smallest client: one message to the backend in its environment, the answer on stdout. Standard library only."""

import json
import os
import sys
import urllib.request


def main() -> None:
    model = os.environ.get("ANTHROPIC_MODEL") or os.environ["KIRIKAE_MODEL"]
    message = {"role": "user", "content": " ".join(sys.argv[1:])}
    request = urllib.request.Request(
        f"{os.environ['ANTHROPIC_BASE_URL']}/v1/messages",
        data=json.dumps({"model": model, "max_tokens": 16, "messages": [message]}).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {os.environ['ANTHROPIC_AUTH_TOKEN']}",
            "anthropic-version": "2023-06-01",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    json.dump(
        {"backend": os.environ["KIRIKAE_BACKEND"], "model": answer["model"], "content": answer["content"]}, sys.stdout
    )


if __name__ == "__main__":
    main()
