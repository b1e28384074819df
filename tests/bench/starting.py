"""How long it takes before anything happens."""
import os
import statistics
import subprocess
import time

from common import ROOT


def median_ms(command, env=None, runs=31):
    times = []
    for _ in range(runs):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=env)
        times.append((time.monotonic() - start) * 1000)
    times.sort()
    return (f"{statistics.median(times):6.1f} ms (median of {runs}, {times[0]:.1f} to "
            f"{times[-1]:.1f}; /bin/true ")


def start(bench):
    floor = median_ms(["/bin/true"]).split(" ms")[0].strip() + " ms)"
    directory = bench.path("fifty")
    os.makedirs(directory, exist_ok=True)
    with open(f"{ROOT}/pipelines/orders.yaml") as text:
        orders = text.read()
    for i in range(50):
        bench.write(f"fifty/p{i}.yaml", orders.replace("name: orders", f"name: p{i}", 1))
    env = {**bench.env, "DINER_PIPELINE_PATH": directory}
    print(f"diner --version (goal 5 ms)\n  wall       {median_ms([bench.diner, '--version'])}{floor}")
    print("diner pipeline lint, 50 pipelines (goal 100 ms)\n  wall       "
          f"{median_ms([bench.diner, 'pipeline', 'lint'], env, 11)}{floor}", flush=True)
