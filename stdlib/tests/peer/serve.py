"""Serves fetched files by their hashes: `serve.py DERIVATIONS`, where DERIVATIONS is what `derivation show` printed.

`/sha256/HEX` is the output of the derivation that is fixed to this hash. The address is printed when it can be asked.
"""

import base64
import http.server
import json
import shutil
import sys


def files(derivations):
    for derivation in derivations.values():
        output = derivation["outputs"].get("out", {})
        if derivation["builder"] == "builtin:fetchurl" and output.get("method") == "flat":
            algorithm, digest = output["hash"].split("-")
            yield f"/{algorithm}/{base64.b64decode(digest).hex()}", derivation["env"]["out"]


with open(sys.argv[1]) as shown:
    FILES = dict(files(json.load(shown)["derivations"]))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        path = FILES.get(self.path)
        if path is None:
            self.send_error(404)
            return
        with open(path, "rb") as body:
            self.send_response(200)
            self.send_header("Content-Length", str(body.seek(0, 2)))
            self.end_headers()
            body.seek(0)
            if with_body:
                shutil.copyfileobj(body, self.wfile)

    def log_message(self, format, *args):
        pass


with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
