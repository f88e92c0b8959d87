"""How many bytes folders hold, and how many come free: a file that has several names is there once.

The Trainer links its checkpoints into its output: removing one of the two frees nothing.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path

Inode = tuple[int, int]


def held(places: Iterable[Path]) -> int:
    """Return the bytes in files and folders, each file counted once."""
    return sum({(one.st_dev, one.st_ino): one.st_size for place in places for one in _files(place)}.values())


def freed(places: Mapping[Hashable, Path]) -> dict[Hashable, int]:
    """Return what removing all of these frees, by key, in bytes.

    A file that keeps a name elsewhere frees nothing; one that loses its last names counts for the last that held it.
    """
    names: Counter[Inode] = Counter()
    last: dict[Inode, tuple[Hashable, os.stat_result]] = {}
    for key, place in places.items():
        for one in _files(place):
            inode = (one.st_dev, one.st_ino)
            names[inode] += 1
            last[inode] = (key, one)
    found: dict[Hashable, int] = defaultdict(int)
    for inode, (key, one) in last.items():
        if names[inode] >= one.st_nlink:
            found[key] += one.st_size
    return {key: found[key] for key in places}


def _files(place: Path) -> Iterator[os.stat_result]:
    """Yield the files under a place, itself if it is one; links are files, and what they lead to is not."""
    try:
        if not place.is_dir() or place.is_symlink():
            yield place.lstat()
            return
        entries = list(os.scandir(place))
    except OSError:  # not there, or not to be read: then it cannot be removed either, which is said then
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield entry.stat(follow_symlinks=False)


def newest(place: Path) -> float:
    """Return when something in a folder was last written, in seconds since the epoch."""
    try:
        own = place.lstat().st_mtime
    except OSError:
        return 0.0
    return max([own, *(one.st_mtime for one in _files(place))])
