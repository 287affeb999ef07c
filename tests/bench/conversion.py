# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversion's figures, natively: the product's code on files, without a device-mapper, with the static build's
libraries. The run is in tests/native/convert.c, the boot step, the whole of it, in tests/fault/crash.c.
"""
import os
import sys

from tools import (GIB, MIB, ROOT, figure, grow_filesystem, make_filesystem, median, path, peaks, put_random, remove,
                   run, settle, spread, timed)

CONVERT = os.path.join(ROOT, "build", "native", "convert")
BOOT = os.path.join(ROOT, "build", "fault-bench", "crash")
BOOT_FS_UUID = "11111111-2222-4333-8444-555555555555"  # what its world is told to look for
SHIFT = 16 * MIB
RUN_BYTES = 2 * GIB
RUN_ROUNDS, ROUNDS = (int(os.environ.get("ROUNDS", rounds)) for rounds in (5, 3))
LARGE_GIB = 64


# --- the run --------------------------------------------------------------------------------------

def encrypt():
    """The run to its end, in one process; seconds, and those spent waiting for a processor."""
    said, seconds, waited = timed(CONVERT, "run", path("device"))
    if said != "finished":
        raise SystemExit(f"bench: the run said {said}")
    return seconds, waited


def place(shift=SHIFT, payload=RUN_BYTES):
    """A device that holds anything becomes one with its first chunk done; seconds of park, header and that chunk."""
    env = {"SHIFT_MIB": str(shift // MIB)}
    remove("state")
    os.mkdir(path("state"))
    put_random("device", MIB)  # no header of an earlier round
    run(CONVERT, "header", path("state"), path("device"), env=env)
    seconds = run(CONVERT, "place", path("state"), path("device"), str(payload), env=env)[1]
    settle("device")
    return seconds


def run_ours():
    place()
    seconds, waited = encrypt()
    return RUN_BYTES - SHIFT, seconds, waited


def run_read_write():
    """Each chunk read and written again where it was, as a run without encryption and without a header would."""
    _, seconds, waited = timed("dd", f"if={path('device')}", f"of={path('device')}", f"bs={SHIFT // MIB}M",
                               f"count={RUN_BYTES // SHIFT}", "iflag=direct", "oflag=direct", "conv=notrunc,fdatasync",
                               "status=none")
    return RUN_BYTES, seconds, waited


def run_huge_pages():
    """The same from a buffer like ours: what is between the two is the encryption, the header and its flushes."""
    _, seconds, waited = timed(sys.executable, os.path.join(ROOT, "tests", "bench", "read-write"), path("device"),
                               str(RUN_BYTES), str(SHIFT))
    return RUN_BYTES, seconds, waited


def run_cryptsetup():
    put_random("device", MIB)
    settle("device")
    _, seconds, waited = timed("cryptsetup", "reencrypt", "--encrypt", "--type", "luks2", "--batch-mode", "--key-file",
                               path("key"), "--cipher", "aes-xts-plain64", "--key-size", "512", "--pbkdf", "pbkdf2",
                               "--pbkdf-force-iterations", "1000", "--reduce-device-size", f"{2 * SHIFT // MIB}M",
                               "--sector-size", "4096", path("device"))
    return RUN_BYTES, seconds, waited


def run_speed():
    """By turns on the same file; the ratio is taken in each round, so that a slower minute of the machine counts little."""
    ways = {"ours": run_ours, "dd": run_read_write, "huge pages": run_huge_pages, "cryptsetup": run_cryptsetup}
    rates, waits = {name: [] for name in ways}, {name: 0 for name in ways}
    with open(path("key"), "w", encoding="utf-8") as file:
        file.write("a passphrase")
    put_random("device", RUN_BYTES + 2 * SHIFT)
    settle("device")
    for _ in range(RUN_ROUNDS):
        for name, measure in ways.items():
            size, seconds, waited = measure()
            rates[name].append(size / seconds / MIB)
            waits[name] += waited
    remove("device", "state", "key")
    version = run("cryptsetup", "--version")[0].split(",")[0]
    detail = ", ".join(f"{name} {median(rates[name]):.0f} MiB/s (waited {waits[name]:.0f} s)" for name in ways)

    def against(peer):
        return [ours / its for ours, its in zip(rates["ours"], rates[peer])]

    return [
        figure("convert-run-vs-read-write", median(against("dd")), "ratio", 1.0, "higher",
               f"{RUN_BYTES // GIB} GiB on a file, start and teardown included, against dd reading and writing the same "
               f"bytes once in place, direct, {SHIFT // MIB} MiB at a time; by turns, median of {RUN_ROUNDS} ratios "
               f"({spread(against('dd'))}), without the time in which either waited for a processor: {detail}"),
        figure("convert-run-vs-huge-pages", median(against("huge pages")), "ratio", None, "higher",
               f"the same against one buffer in huge pages read and written, as ours is: what encryption, header and flushes "
               f"cost; median of {RUN_ROUNDS} ratios ({spread(against('huge pages'))})"),
        figure("convert-run-vs-cryptsetup", median(against("cryptsetup")), "ratio", 1.0, "higher",
               f"the same run against {version} reencrypt --encrypt --reduce-device-size {2 * SHIFT // MIB}M on the same "
               f"file; median of {RUN_ROUNDS} ratios ({spread(against('cryptsetup'))})"),
    ]


def chunks():
    """Not a row: what the shift, which is also the chunk, costs in the run, with nothing mounted, and on the disk."""
    payload, shifts = GIB, [shift * MIB for shift in (16, 32, 64, 128)]
    rates, placed = {shift: [] for shift in shifts}, {shift: [] for shift in shifts}
    put_random("device", payload + 2 * shifts[-1])
    for _ in range(RUN_ROUNDS):
        for shift in shifts:
            os.truncate(path("device"), payload + 2 * shift)
            placed[shift].append(place(shift, payload))
            rates[shift].append((payload - shift) / encrypt()[0])
    remove("device", "state")
    print("shift     run        one chunk  place   R - F at least")
    for shift in shifts:
        rate = median(rates[shift])
        print(f"{shift // MIB:3d} MiB {rate / MIB:5.0f} MiB/s {shift / rate * 1000:6.0f} ms {median(placed[shift]):6.2f} s "
              f"{2 * shift // MIB:4d} MiB")


# --- the boot step --------------------------------------------------------------------------------

def make_machine(content, size, device_size):
    """A machine in the folder "base": its root as a cloud image's, grown at the first boot; header and intent."""
    remove("base", "machine")
    os.mkdir(path("base"))
    make_filesystem("base/device", size, content, BOOT_FS_UUID)
    if device_size != size:
        grow_filesystem("base/device", device_size)
    run(BOOT, "setup", path("base"), "0", "0")
    with open(path("base/boot"), "wb"):
        pass


def fresh_machine():
    """A copy of it, not in the page cache."""
    remove("machine")
    run("cp", "-a", "--sparse=always", path("base"), path("machine"))
    settle("machine/device")


def boot():
    """The boot step to where the distribution opens the root: seconds, bytes written."""
    _, seconds, written = run(BOOT, "boot", "place", path("machine"))
    return seconds, written


def unmounted():
    """What happens while nothing is mounted, but for the network."""
    make_machine(2 * GIB, 4 * GIB, 4 * GIB)
    seconds = []
    for _ in range(ROUNDS):
        fresh_machine()
        seconds.append(boot()[0])
    remove("base", "machine")
    return [figure("unmounted-work", median(seconds), "s", 10, "lower",
                   f"the boot step with 2 GiB used on a 4 GiB ext4 in a file, not in the page cache: check, shrink by its "
                   f"log, park, header, first chunk; median of {ROUNDS} ({spread(seconds)})")]


def sectors():
    """The same data, grown to two sizes as cloud images are: what is written until everything is encrypted."""
    sizes = (4, LARGE_GIB)
    written, seconds = {}, {size: [] for size in sizes}
    for size in sizes:
        make_machine(GIB, 3 * GIB, size * GIB)
        os.rename(path("base"), path(f"base{size}"))
    for _ in range(ROUNDS):
        for size in sizes:
            os.rename(path(f"base{size}"), path("base"))
            fresh_machine()
            boot_s, written[size] = boot()
            _, run_s, run_written = run(BOOT, "encrypt", path("machine"))
            written[size] += run_written
            seconds[size].append(boot_s + run_s)
            os.rename(path("base"), path(f"base{size}"))
    remove("machine", *(f"base{size}" for size in sizes))
    small, large = sizes
    if not written[small]:
        return [figure("sectors-64-vs-4", None, "%", 2, "lower", "the kernel doesn't count what a process writes here")]
    detail = "; ".join(f"{size} GiB: {written[size] // 512} sectors, {median(seconds[size]):.1f} s" for size in sizes)
    return [
        figure("sectors-64-vs-4", abs(written[large] / written[small] - 1) * 100, "%", 2, "lower",
               f"1 GiB of files in a 3 GiB ext4, grown: what boot step and run write before `wipe`, by the kernel's count "
               f"for their processes: {detail}"),
        figure("wall-64-vs-4", median([a / b for a, b in zip(seconds[large], seconds[small])]), "ratio", None, "lower",
               f"the seconds of the same, by turns, median of {ROUNDS} ratios"),
    ]


# --- memory ---------------------------------------------------------------------------------------

def worker_memory():
    payload = 256 * MIB
    put_random("device", payload + 2 * SHIFT)
    place(payload=payload)
    of = {name: (0, 0) for name in ("reporter", "guard", "worker")}
    for (depth, _), most in peaks(CONVERT, "work", path("device")).items():
        name = list(of)[min(depth, 2)]
        of[name] = tuple(map(max, most, of[name]))
    remove("device", "state")
    detail = ", ".join(f"{name} {resident:.0f} ({mapped:.0f} mapped)" for name, (resident, mapped) in of.items())
    return figure("worker-memory", sum(most[0] for most in of.values()), "MiB", 96, "lower",
                  f"most resident memory of the run's three processes, added up, offline; online guard and worker have all "
                  f"locked that they have mapped: {detail}")


def boot_memory():
    make_machine(GIB, 3 * GIB, LARGE_GIB * GIB)
    fresh_machine()
    step, tools = 0, {}
    for (depth, name), (resident, _) in peaks(BOOT, "boot", "place", path("machine")).items():
        if depth < 2 or name == os.path.basename(BOOT):  # the driver forks the boot step, that forks before it starts a tool
            step = max(step, resident)
        else:
            tools[name] = max(resident, tools.get(name, 0))
    remove("base", "machine")
    detail = ", ".join(f"{name} {resident:.0f}" for name, resident in sorted(tools.items(), key=lambda item: -item[1]))
    return figure("boot-step-memory", step + max(tools.values(), default=0), "MiB", 128, "lower",
                  f"most resident memory of the boot step ({step:.0f}) and of the largest of its tools ({detail}), added "
                  f"up: 1 GiB of files, a disk of {LARGE_GIB} GiB")


def memory():
    return [worker_memory(), boot_memory()]
