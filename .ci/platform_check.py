"""Says in one sentence whether this machine is supported, before a resolver says it in a hundred.

Runs on any Python, old ones too, with nothing installed.
"""

import platform
import sys

SUPPORTED = "Python 3.11 on x86-64 Linux with glibc 2.17 or newer"


def complaint(version, system, machine, libc):
    """Return the sentence to print, or None where all is well.

    Args:
        version: As ``sys.version_info``.
        system: As ``platform.system()``.
        machine: As ``platform.machine()``.
        libc: As ``platform.libc_ver()``: name and version.
    """
    found = []
    if tuple(version[:2]) != (3, 11):
        found.append("Python %d.%d" % tuple(version[:2]))
    if system != "Linux" or machine not in ("x86_64", "AMD64"):
        found.append("%s on %s" % (system, machine))
    elif libc[0] != "glibc":
        found.append("a C library that is not glibc")
    elif tuple(int(part) for part in libc[1].split(".")[:2]) < (2, 17):
        found.append("glibc " + libc[1])
    if not found:
        return None
    sentence = "estimator-pipeline supports %s; this is %s." % (SUPPORTED, " and ".join(found))
    if found[0].startswith("Python"):
        sentence = sentence[:-1] + ": install Python 3.11, or name one with `make PYTHON=/path/to/python3.11 ...`."
    return sentence


if __name__ == "__main__":
    text = complaint(sys.version_info, platform.system(), platform.machine(), platform.libc_ver())
    if text:
        sys.stderr.write(text + "\n")
        sys.exit(2)
