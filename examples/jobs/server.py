#!/usr/bin/env python3
"""A small HTTP job server, as one finds them inside companies: the thing that a backend is written for.

    POST   /jobs      {"film": "…", "seconds": 3}   201 and the job; 200 for an Idempotency-Key that is known
    GET    /jobs/ID                                 200 and the job: its state, its progress, its result
    DELETE /jobs/ID                                 200 and the job, which is cancelled unless it is over

Every request needs `Authorization: Bearer TOKEN`. Jobs live in memory and end by the clock.

    python3 server.py --token TOKEN [--port PORT]
"""

import argparse
import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Jobs:
    def __init__(self):
        self.lock = threading.Lock()
        self.ids = itertools.count(1)
        self.by_id = {}
        self.by_key = {}

    def add(self, key, film, seconds):
        """The job of this key, and whether it is new."""
        with self.lock:
            if key in self.by_key:
                return self.by_key[key], False
            job = {"id": str(next(self.ids)), "film": film, "seconds": seconds, "begun": time.monotonic()}
            self.by_id[job["id"]] = job
            if key:
                self.by_key[key] = job
            return job, True

    def cancel(self, job):
        with self.lock:
            if shown(job)["state"] == "running":
                job["cancelled"] = True


def shown(job):
    """What a client sees of a job."""
    progress = min(1.0, (time.monotonic() - job["begun"]) / job["seconds"])
    seen = {"id": job["id"], "state": "running", "progress": progress}
    if job.get("cancelled"):
        seen["state"] = "cancelled"
    elif progress >= 1.0 and job["film"] == "broken":
        seen |= {"state": "failed", "error": "the reel is torn"}
    elif progress >= 1.0:
        seen |= {"state": "done", "result": {"file": f"/films/{job['film']}.mp4"}}
    return seen


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not self.is_allowed():
            return
        try:
            wanted = json.loads(body)
            film, seconds = str(wanted["film"]), float(wanted.get("seconds", 3))
        except (ValueError, KeyError, TypeError) as error:
            return self.answer(422, {"error": f"no job: {error!r}"})
        job, is_new = self.server.jobs.add(self.headers.get("idempotency-key"), film, max(seconds, 0.001))
        self.answer(201 if is_new else 200, shown(job))

    def do_GET(self):
        if self.is_allowed() and (job := self.job()):
            self.answer(200, shown(job))

    def do_DELETE(self):
        if self.is_allowed() and (job := self.job()):
            self.server.jobs.cancel(job)
            self.answer(200, shown(job))

    def is_allowed(self):
        if self.headers.get("authorization") == f"Bearer {self.server.token}":
            return True
        self.answer(401, {"error": "who are you?"})
        return False

    def job(self):
        job = self.server.jobs.by_id.get(self.path.removeprefix("/jobs/"))
        if job is None:
            self.answer(404, {"error": "no such job"})
        return job

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # The pipe to whoever started this need not be read.


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A small HTTP job server")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--token", required=True)
    given = arguments.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.jobs, server.token = Jobs(), given.token
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
