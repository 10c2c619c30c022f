"""A client for tests of the wrapper: writes what it was given as JSON to the file in RECORD, exits with 7."""

import json
import os
import socket
import sys
from pathlib import Path

networks = [name for _, name in socket.if_nameindex()]
told = {"argv": sys.argv[1:], "env": dict(os.environ), "networks": networks}
Path(os.environ["RECORD"]).write_text(json.dumps(told))
sys.exit(7)
