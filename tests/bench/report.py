#!/usr/bin/env python3
"""make bench: the report of a large study, 50 endpoints and 500 statements, as one page.

usage: report.py DINER [--pairs N]"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import ROOT  # noqa: E402


def main():
    options = argparse.ArgumentParser()
    options.add_argument("diner")
    options.add_argument("--pairs", type=int, default=5)
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([sys.executable, f"{ROOT}/tests/fixtures/perf/make_studies.py", directory,
                        "large"], check=True)
        study, page = f"{directory}/study_large.json", f"{directory}/report.html"
        command = [args.diner, "-q", "perf-report", "render", study, "--baseline", study,
                   "--html", page, "--lang", "zh"]
        seconds = []
        for _ in range(args.pairs):
            start = time.monotonic()
            subprocess.run(command, check=True)
            seconds.append(time.monotonic() - start)
        print(f"report  50 endpoints x 500 statements, with a baseline: "
              f"{statistics.median(seconds):.2f} s (under 1 s), "
              f"{os.path.getsize(page) / 1000:.0f} KB (under 400 KB), "
              f"from {os.path.getsize(study) / 1e6:.1f} MB of JSON a side", flush=True)


main()
