"""The load generator of perf-report against wrk and hey, on one nginx, and against its own goals.

usage: http_load.py DINER [--pairs N] [--seconds N]
"""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CONNECTIONS = "32"
NGINX = """daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/b;
  proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json;
    return 200 '{{"code":200,"data":{{"id":1}}}}'; }} }} }}
"""
UNITS = {"us": 0.001, "ms": 1, "s": 1000}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="diner-nginx.", dir="/tmp")
        self.port = free_port()
        conf = os.path.join(self.directory, "nginx.conf")
        with open(conf, "w") as out:
            out.write(NGINX.format(dir=self.directory, port=self.port))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([nginx, "-c", conf, "-p", self.directory],
                                        stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}/"
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def wrk(url, seconds):
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", url],
                         check=True, capture_output=True, text=True).stdout
    found = {p: float(v) * UNITS[u] for p, v, u in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", out, re.M)}
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), found["50"], found["90"]


def hey(url, seconds):
    out = subprocess.run(["hey", "-c", CONNECTIONS, "-z", f"{seconds}s", "-cpus", "1", url],
                         check=True, capture_output=True, text=True).stdout
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def diner(program, url, *options):
    with tempfile.TemporaryDirectory() as directory:
        study = os.path.join(directory, "study.json")
        subprocess.run([program, "perf-report", url, "-q", "--save", study, *options], capture_output=True)
        with open(study) as text:
            return json.load(text)["endpoints"][0]["result"]


def middle(values):
    values = sorted(values)
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def closed(program, url, pairs, seconds):
    rates, p50, p90, against_hey = [], [], [], []
    has_hey = shutil.which("hey") is not None
    for _ in range(pairs):
        theirs, their_p50, their_p90 = wrk(url, seconds)
        ours = diner(program, url, "-c", CONNECTIONS, "-d", f"{seconds}s", "--warmup", "500ms")
        rates.append(ours["requests_per_second"] / theirs)
        p50.append(ours["p50_ms"] / their_p50)
        p90.append(ours["p90_ms"] / their_p90)
        if has_hey:
            against_hey.append(ours["requests_per_second"] / hey(url, seconds))
    print(f"closed model, {CONNECTIONS} connections, intended-time histograms, against wrk -t1\n"
          f"  requests/s {middle(rates)} x of wrk (goal 0.6)\n"
          + (f"             {middle(against_hey)} x of hey (goal: over 1)\n" if has_hey
             else "             hey is not installed\n")
          + f"  P50        {middle(p50)} x of wrk\n  P90        {middle(p90)} x of wrk", flush=True)


def slowly(program, pairs, seconds):
    """Latencies agree where the server, not the client's CPU, sets them: 5 ms an answer."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as directory:
        port_file = os.path.join(directory, "port")
        server = subprocess.Popen([sys.executable, f"{here}/../fixtures/perf/server.py", port_file])
        while not (os.path.exists(port_file) and open(port_file).read().strip()):
            time.sleep(0.05)
        url = f"http://127.0.0.1:{open(port_file).read().strip()}/slow?ms=5"
        theirs, ours = [], []
        for _ in range(pairs):
            out = subprocess.run(["wrk", "-t1", "-c4", f"-d{seconds}s", "--latency", url],
                                 check=True, capture_output=True, text=True).stdout
            theirs.append({p: float(v) * UNITS[u] for p, v, u in
                           re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", out, re.M)})
            ours.append(diner(program, url, "-c", "4", "-d", f"{seconds}s", "--warmup", "500ms"))
        server.terminate()
        server.wait()
    for key, name in (("50", "p50_ms"), ("90", "p90_ms")):
        a = statistics.median(t[key] for t in theirs)
        b = statistics.median(o[name] for o in ours)
        print(f"answers of 5 ms, 4 connections: P{key} {b / a:.3f} x of wrk (goal 0.95 to 1.05)",
              flush=True)


def opened(program, url, pairs, seconds):
    """One round each, as long as all of wrk's: a round's P99 is what voids it."""
    base, path = url.rsplit("/", 1)
    lags, rates = [], []
    with tempfile.TemporaryDirectory() as directory:
        config, study = os.path.join(directory, "perf.yaml"), os.path.join(directory, "study.json")
        with open(config, "w") as text:
            text.write(f"version: 1\ntarget: {base}\nendpoints: [{{ name: page, path: /{path} }}]\n"
                       f"load: {{ rate: 5000/s, connections: {CONNECTIONS}, duration: {seconds * 2}s, "
                       "warmup: 500ms, rounds: 1 }\n")
        for _ in range(pairs):
            subprocess.run([program, "perf-report", "load", "--config", config, "--out-file", study],
                           capture_output=True)
            with open(study) as text:
                result = json.load(text)["endpoints"][0]["result"]
            lags.append(result["generator_turn_p99_ms"])
            rates.append(result["requests_per_second"])
    print(f"open model at 5,000 requests/s: event-loop lag P99 {middle(lags)} ms "
          f"(goal: under 1 ms), {statistics.median(rates):.0f} answered/s", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    args = options.parse_args()
    program = os.path.abspath(args.diner)
    nginx = Nginx()
    try:
        closed(program, nginx.url, args.pairs, args.seconds)
        opened(program, nginx.url, args.pairs, args.seconds)
    finally:
        nginx.close()
    slowly(program, args.pairs, args.seconds)


main()
