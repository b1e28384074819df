"""What perf-report found in the faulty API, against what is wrong with it.

usage: precision.py STUDY...     studies of the faulty endpoints and of their healthy twins

Prints precision and recall and each mistake; exits with 1 when there is one. A finding is right when
its kind is one that the endpoint's fault is known by; a fault is found when its own kind is reported
for its endpoint. Findings about the tables that no endpoint is named for are listed as mistakes too.
"""
import json
import sys

# The kind that each fault must be found as, then others that are true of it as well.
FAULTS = {
    "missing_index": ["missing_index", "sequential_scans"],
    "n_plus_one": ["n_plus_one"],
    "no_limit": ["missing_pagination", "large_answer"],
    "deep_offset": ["deep_offset"],
    "slept": ["app_bound"],
    "pool": ["pool_bound"],
    "chatty": ["chatty_writes"],
    "hot": ["cacheable"],
}


def fault_of(endpoint):
    path = endpoint["path"].split("?")[0]
    side, fault = path.strip("/").split("/")
    return fault if side == "faulty" else None


def main():
    right, wrong, found, present = 0, [], set(), set()
    for name in sys.argv[1:]:
        with open(name) as text:
            study = json.load(text)
        endpoints = study["endpoints"]
        present |= {fault_of(e) for e in endpoints} - {None}
        for finding in study["findings"]:
            faults = {fault_of(endpoints[i]) for i in finding["endpoints"]}
            known = {f for f in faults if f is not None and finding["kind"] in FAULTS[f]}
            found |= {f for f in known if finding["kind"] == FAULTS[f][0]}
            if known and faults == known:
                right += 1
            else:
                where = [endpoints[i]["name"] for i in finding["endpoints"]]
                wrong.append(f"{name}: {finding['id']} ({finding['severity']}) at {where}")
    missed = sorted(present - found)
    precision = right / max(1, right + len(wrong))
    recall = len(found & present) / max(1, len(present))
    print(f"precision {precision:.2f} ({right} of {right + len(wrong)} findings), "
          f"recall {recall:.2f} ({len(found & present)} of {len(present)} faults)")
    for line in wrong:
        print("wrong:", line)
    for fault in missed:
        print("missed:", fault)
    sys.exit(1 if wrong or missed else 0)


main()
