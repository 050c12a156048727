"""A web server that others would write: keeps each request as a line of a file, then answers 200. Arguments: port (0: any), file.

Prints its port when it serves. Knows nothing of brine but what docs/returners.md says.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kept = {name: self.headers[f"X-Brine-{name}"] for name in ("Timestamp", "Delivery", "Signature")}
        with open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(json.dumps({**kept, "body": body}) + "\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook)
    print(server.server_address[1], flush=True)
    server.serve_forever()
