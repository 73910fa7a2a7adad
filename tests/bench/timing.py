"""Measuring on a machine that has other things to do: processor time, turn by turn, medians."""

import gc
import time
from statistics import median

LEAST_SECONDS = 0.02


def interleaved(contenders, rounds):
    """Seconds of processor time of one run of each contender, by name: one value per round.

    In each round every contender has its turn, so what slows the machine slows them all.

    contenders  by name: a function without arguments that prepares a run and returns it, not timed itself
    """
    turns = {name: _turns(prepare) for name, prepare in contenders.items()}
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, prepare in contenders.items():
            seconds[name].append(_once(prepare, turns[name]))
    return seconds


def ratio(seconds, name, other):
    """Median of the ratios of the rounds."""
    return median(mine / theirs for mine, theirs in zip(seconds[name], seconds[other], strict=True))


def _turns(prepare):
    """How often a contender runs in one round: short runs would measure the clock."""
    _once(prepare, 1)
    return max(1, round(LEAST_SECONDS / max(_once(prepare, 1), 1e-6)))


def _once(prepare, turns):
    total = 0.0
    for _ in range(turns):
        run = prepare()
        gc.collect(0)
        began = time.process_time()
        run()
        total += time.process_time() - began
    return total / turns


def percentile(values, share):
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
