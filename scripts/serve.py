"""Shows the built book at a local address: python scripts/serve.py [PORT]"""

import gzip
import io
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "_build" / "html"
TEXTS = (".html", ".css", ".js", ".json", ".svg", ".md", ".txt")


class Compressing(SimpleHTTPRequestHandler):
    """Sends texts compressed and keeps the connection, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def send_head(self):
        file = Path(self.translate_path(self.path))
        takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (takes_gzip and file.suffix in TEXTS and file.is_file()):
            return super().send_head()
        packed = gzip.compress(file.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(file)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        return io.BytesIO(packed)


def make_server(port, handler=Compressing):
    """At that port; at any free one if it is taken."""
    handler = partial(handler, directory=str(PAGES))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        print(f"port {port} cannot be had ({error}): taking another one")
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)


if __name__ == "__main__":
    if not PAGES.exists():
        sys.exit(f"there is no book in {PAGES}: build it first, with `jb build .`")
    with make_server(int(sys.argv[1]) if len(sys.argv) > 1 else 8000) as server:
        print(f"http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
