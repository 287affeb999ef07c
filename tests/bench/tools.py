# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows of tests/bench/run share: a folder to work in, programs and what they cost, files as disks, figures."""
import json
import os
import resource
import shutil
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
WORK = os.path.join(ROOT, "build", "bench")
MIB, GIB = 1 << 20, 1 << 30
LOOK_EVERY_S = 0.01


def path(name):
    return os.path.join(WORK, name)


# --- programs -------------------------------------------------------------------------------------

def check_status(words, done):
    if done.returncode != 0:
        said = (done.stderr or done.stdout or b"").decode(errors="replace").strip()
        raise SystemExit(f"bench: {' '.join(words)}: status {done.returncode} {said}")


def run(*words, env=None):
    """Runs a program; returns its output, the seconds and the bytes written by it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
    start = time.monotonic()
    done = subprocess.run(words, capture_output=True, check=False, env={**os.environ, **(env or {})})
    seconds = time.monotonic() - start
    written = (resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock - before) * 512
    check_status(words, done)
    return done.stdout.decode(errors="replace").strip(), seconds, written


def waited_for_cpu(pid):
    """Seconds in which the process could have run and none of the processors was free. Of a zombie too."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def timed(*words, env=None):
    """Runs a program of one process. Returns its output, the seconds without those in which it waited for a processor,
    and the latter: what is compared is the disk and our use of it, not what else this machine is doing."""
    start = time.monotonic()
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **(env or {})})
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seconds, waited = time.monotonic() - start, waited_for_cpu(child.pid)
    output, errors = child.communicate()
    check_status(words, subprocess.CompletedProcess(words, child.returncode, output, errors))
    return output.decode(errors="replace").strip(), seconds - waited, waited


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def memory_of(pid):
    """The most that was resident and the most that was mapped, in MiB, so far; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmHWM", "VmPeak"))
    except (OSError, KeyError):
        return None


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def peaks(*words):
    """Runs a program; returns {(depth below it, name): (resident, mapped)}: the most of each of its processes, in MiB."""
    found = {}
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while child.poll() is None:
        level, depth = [child.pid], 0
        while level:
            for pid in level:
                now, key = memory_of(pid), (depth, name_of(pid))
                if now:
                    found[key] = tuple(map(max, now, found.get(key, (0, 0))))
            level, depth = [pid for parent in level for pid in children(parent)], depth + 1
        time.sleep(LOOK_EVERY_S)  # what a peak is sampled by
    check_status(words, subprocess.CompletedProcess(words, child.returncode, b"", child.stderr.read()))
    return found


# --- files that stand for disks -------------------------------------------------------------------

def settle(name):
    """On the disk, and out of the page cache: what follows pays for what it reads and writes."""
    fd = os.open(path(name), os.O_RDWR)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def put_random(name, size):
    """Random bytes over the file's first ones; the file is made, but never cut. The same 16 MiB again and again: nothing
    here looks at them, and each byte would cost a busy machine time.
    """
    part = os.urandom(min(size, 16 * MIB))
    with open(path(name), "r+b" if os.path.exists(path(name)) else "wb") as file:
        for at in range(0, size, len(part)):
            file.write(part[:size - at])


def make_filesystem(name, size, content, uuid, files=8):
    """An ext4 as Debian makes it, with so many random bytes in it."""
    tree = path("tree")
    shutil.rmtree(tree, ignore_errors=True)
    os.mkdir(tree)
    for i in range(files):
        put_random(f"tree/{i}", content // files)
    remove(name)
    with open(path(name), "wb") as file:
        file.truncate(size)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-U", uuid, "-d", tree, path(name))
    shutil.rmtree(tree)


def grow_filesystem(name, size):
    os.truncate(path(name), size)
    run("e2fsck", "-fp", path(name))
    run("resize2fs", path(name))


def remove(*names):
    for name in names:
        if os.path.isdir(path(name)):
            shutil.rmtree(path(name))
        elif os.path.exists(path(name)):
            os.unlink(path(name))


def copy(source, target):
    run("cp", "--sparse=always", path(source), path(target))
    settle(target)


# --- figures --------------------------------------------------------------------------------------

def median(values):
    return statistics.median(values)


def spread(values, form="{:.2f}"):
    return f"{form.format(min(values))} to {form.format(max(values))}"


def figure(name, value, unit, goal, better, how):
    """One of build/bench.json. Without a value it isn't met; without a goal it is only told."""
    if value is None:
        met = False
    elif goal is None:
        met = True
    else:
        met = value <= goal if better == "lower" else value >= goal
    return {"name": name, "value": None if value is None else round(value, 3), "unit": unit, "goal": goal,
            "better": better, "met": met, "how": how}


def show(figures):
    width = max(len(f["name"]) for f in figures)
    for f in figures:
        value = "-" if f["value"] is None else f"{f['value']:g}"
        goal = "" if f["goal"] is None else f"{'<=' if f['better'] == 'lower' else '>='} {f['goal']:g}"
        verdict = "not measured" if f["value"] is None else "" if f["goal"] is None else "met" if f["met"] else "NOT MET"
        print(f"{f['name']:{width}}  {value:>9} {f['unit']:5} {goal:>8}  {verdict}".rstrip())
        print(f"{'':{width}}  {f['how']}")


def write_json(file_name, figures):
    with open(file_name + ".new", "w", encoding="utf-8") as file:
        json.dump({"figures": figures}, file, indent=1)
        file.write("\n")
    os.rename(file_name + ".new", file_name)
