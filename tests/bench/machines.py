# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures that need a machine which boots. tests/vm writes build/vm/CASE/bench.json where a conversion has come to
its end; nothing is measured here, since that takes half an hour. Without such a file the figure has no value.
"""
import glob
import json
import os

from tools import ROOT, figure, median

RESULTS = os.path.join(ROOT, "build", "vm", "*", "bench.json")
NONE_YET = "not measured: no case of tests/vm has left its figures in build/vm ({}), then make bench"


def results():
    found = []
    for name in sorted(glob.glob(RESULTS)):
        with open(name, encoding="utf-8") as file:
            found.append({**json.load(file), "case": os.path.basename(os.path.dirname(name))})
    return found


def gaps(boots):
    """Seconds from the last line that one boot wrote to the journal until the next one had all its services."""
    return [after["up_s"] - before["last_s"] for before, after in zip(boots, boots[1:])]


def downtime(found):
    found = [result for result in found if result["boots"]]
    if not found:
        return figure("downtime-vs-reboot", None, "ratio", None, "lower", NONE_YET.format("make check-vm CASE=convert"))
    result = found[0]
    between = gaps(result["boots"])
    converting, plain = between[:result["converted_boots"] - 1], between[result["converted_boots"] - 1:]
    listed = ", ".join(f"{seconds:.0f}" for seconds in converting)
    return figure("downtime-vs-reboot", sum(converting) / median(plain), "ratio", None, "lower",
                  f"all {len(converting)} reboots of a conversion ({listed} s) against one reboot of the converted machine "
                  f"({median(plain):.0f} s, median of {len(plain)}), each from the last line in the journal until "
                  f"multi-user.target; emulated, so that AES is slow; case {result['case']}, version {result['version']}")


def memory_floor(found):
    if not found:
        return figure("memory-floor", None, "MiB", 512, "lower", NONE_YET.format("make check-vm CASE=mistreated"))
    least = min(found, key=lambda result: result["memory_mib"])
    return figure("memory-floor", least["memory_mib"], "MiB", 512, "lower",
                  f"memory of the smallest machine that was converted and came up by itself afterwards: case "
                  f"{least['case']}, version {least['version']}")


def machines():
    found = results()
    return [downtime(found), memory_floor(found)]
