"""Times a peer, as told on stdin: `python peer.py PEER THREADS`, PEER one of torch, torch_compile, jax, keras, onnxruntime.

A request is a line of JSON, `{"workload": NAME, "seconds": S}` for training steps, with `"predict": ROWS` for predictions; the answer is a
line `{"us": median, "least_us": least, "setting": NAME}`, or `{"absent": reason}` for what the peer does not do. Of the settings that a
peer offers, the one that is fastest at the first request is kept. What was prepared is kept until another workload is asked for, so that peers can
be timed in turn.
"""

import importlib
import json
import os
import sys
import time


def timed(call, seconds):
    """Microseconds a call: samples for about so many seconds; calls too short for the clock by the dozen."""
    start, warm = time.perf_counter(), 0
    while warm < 3 or time.perf_counter() - start < seconds / 10:
        call()
        warm += 1
    calls = max(1, min(1000, int(30e-6 / ((time.perf_counter() - start) / warm))))
    samples, start = [], time.perf_counter()
    while len(samples) < 5 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        for _ in range(calls):
            call()
        samples.append((time.perf_counter() - begin) / calls * 1e6)
    samples.sort()
    return samples


def main():
    name, threads = sys.argv[1], int(sys.argv[2])
    # Before the libraries look how many cores there are.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    # Libraries print on stdout what they like; answers go out where it was.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = importlib.import_module(f"{name}_peer")
    prepared, key = {}, None
    for line in sys.stdin:
        request = json.loads(line)
        wanted = (request["workload"], request.get("predict"))
        if wanted != key:
            prepared, key = {}, wanted
            if wanted[1] is None:
                prepared = peer.steps(wanted[0], threads)
            else:
                prepared = peer.predictions(*wanted, threads)
            if len(prepared) > 1:
                first = {setting: timed(call, 0.3) for setting, call in prepared.items()}
                best = min(first, key=lambda setting: first[setting][0])
                prepared = {best: prepared[best]}
        answer = {"absent": f"{name} has no program for it"}
        for setting, call in prepared.items():
            samples = timed(call, request["seconds"])
            answer = {"us": samples[len(samples) // 2], "least_us": samples[0], "setting": setting}
        print(json.dumps(answer), file=answers, flush=True)


main()
