"""The lock around a student's process: what Linux gives without root, by ctypes alone.

Two walls. bubblewrap around the warm process shows it a read-only system without the class, the
keys, the solutions or a network. Around each child come namespaces of its own (users, processes,
mounts, network, IPC), Landlock, a list of system calls that are refused, and limits. Every layer
is tried, never assumed: a container may refuse any of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import shutil
import struct
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from autograder.data.limits import Limits

if sys.platform != "win32":  # where only `check` is of use
    import resource

NOBODY = 65534
NEWNS, NEWUSER, NEWPID, NEWNET = 0x20000, 0x10000000, 0x20000000, 0x40000000
NEWUTS, NEWIPC, NEWCGROUP = 0x4000000, 0x8000000, 0x2000000
ALL_NEW = NEWNS | NEWUSER | NEWPID | NEWNET | NEWUTS | NEWIPC | NEWCGROUP
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SET_DEATH_SIGNAL, SET_DUMPABLE, SET_SECCOMP, DROP_BOUND, SET_SUBREAPER, NO_NEW_PRIVILEGES = (
    1, 4, 22, 24, 36, 38
)  # fmt: skip
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
    "/etc/alternatives", "/etc/fonts", "/etc/mime.types", "/etc/passwd", "/etc/group",
    "/etc/nsswitch.conf",
)  # fmt: skip
SHOWN_PROC = ("self", "cpuinfo", "meminfo", "stat")


class NoLock(OSError):
    """A layer of the lock could not be had; `str()` says which."""


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _call(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise NoLock(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0) -> None:
    """Set one of this process's attributes. Raises NoLock."""
    _call(f"prctl {option}", _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0))


# bubblewrap around the warm process


def hidden_modules() -> list[Path]:
    """Folders and files that give answers away: they are covered up, and never imported."""
    keras, convbook = _package("keras"), _package("convbook")
    found = [convbook] if convbook else []
    if keras:
        found += sorted(keras.glob("**/applications"))
    return [path for path in found if path.exists()]


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


def readable() -> list[Path]:
    """What a warm process needs to see: the system's programs, Python, and this package."""
    paths = [Path(path) for path in (*SYSTEM, *SETTINGS)]
    paths += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.prefix).resolve()]
    paths += [path for path in [_package("autograder")] if path]
    return [path for path in dict.fromkeys(paths) if _there(path)]


def _there(path: Path) -> bool:
    """Whether a path can be seen by whoever asks."""
    try:
        return path.exists()
    except OSError:
        return False


def bubblewrap(secrets: list[Path]) -> list[str]:
    """The command before a command that shows it only what `readable` names.

    `secrets` are covered up where they lie inside of that. Run by root, the program inside may
    still become another user, which it must; anybody else gets a user namespace.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise NoLock(errno.ENOENT, "bubblewrap is not installed (program `bwrap`)")
    command = [
        program, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "grading",
        "--cap-drop", "ALL", "--dev", "/dev", "--proc", "/proc",
        "--perms", "1777", "--tmpfs", "/tmp",
    ]  # fmt: skip
    if os.getuid() == 0:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    places = [place for path in readable() for place in (path, path.resolve())]
    for parent in sorted({up for place in places for up in place.parents}):
        command += ["--perms", "0755", "--dir", str(parent)]  # else they are closed to others
    shown: list[Path] = []  # each place once, or what is covered up in one would show in another
    for path in readable():
        real = path.resolve()
        if not any(real.is_relative_to(other) for other in shown):
            shown.append(real)
            command += ["--ro-bind", str(real), str(real)]
        if path != real:
            command += ["--symlink", str(real), str(path)]
    for path in [*hidden_modules(), *_inside(secrets)]:
        if path.is_dir():
            command += ["--tmpfs", str(path), "--remount-ro", str(path)]
        else:
            command += ["--ro-bind", "/dev/null", str(path)]
    return [*command, "--remount-ro", "/", "--chdir", "/tmp", "--"]


def _inside(secrets: list[Path]) -> list[Path]:
    seen = [path.resolve() for path in readable()]
    resolved = [path.resolve() for path in secrets]
    return [p for p in resolved if p.exists() and any(p.is_relative_to(s) for s in seen)]


# Namespaces around a child


def become_nobody() -> None:
    """Give up root: the limit on processes does not hold for it."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        prctl(SET_DUMPABLE, 1)  # else its own /proc/self belongs to root


def new_namespaces() -> None:
    """Put this process's next child into namespaces of its own. Raises NoLock."""
    user, group = os.getuid(), os.getgid()
    flags = NEWUSER | NEWPID | NEWNET | NEWIPC | NEWUTS | NEWCGROUP
    _call("namespaces", _libc().unshare(flags))
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as error:
        raise NoLock(error.errno, f"user namespace: {error.strerror}") from error


def private_places(limits: Limits) -> None:
    """An empty /tmp and /dev/shm, and a /proc that shows only one's own. Raises NoLock."""
    _call("mount namespace", _libc().unshare(NEWNS))
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    options = f"size={limits.disk},nr_inodes={limits.inodes},mode=1777"
    _mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options)
    with _kept("/tmp", Path("/dev/shm/.kept")):
        _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)
    _own_proc()
    os.chdir("/tmp")


@contextlib.contextmanager
def _kept(place: str, aside: Path) -> Iterator[None]:
    """Keep what is needed of a folder (Python itself may lie there) while it is covered up."""
    kept = [path for path in readable() if path.is_relative_to(place)]
    kept = [path for path in kept if not any(up in kept for up in path.parents)]
    for number, path in enumerate(kept):
        (aside / str(number)).parent.mkdir(exist_ok=True)
        _bind(path, aside / str(number))
    yield
    for number, path in enumerate(kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        _bind(aside / str(number), path)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
        _mount("none", str(path), None, flags)
        _call("unmount", _libc().umount2(str(aside / str(number)).encode(), 2))
    if kept:
        shutil.rmtree(aside)


def _own_proc() -> None:
    """A /proc that shows only what is one's own.

    The kernel refuses a fresh one where part of the present one is covered up, as bubblewrap does
    for root. Then what TensorFlow looks at (it crashes without `self`) is put into an empty one.
    """
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    try:
        _mount("proc", "/proc", "proc", flags)
    except NoLock:
        aside = Path("/tmp/.proc")
        aside.mkdir()
        for name in SHOWN_PROC:
            _bind(Path("/proc", name).resolve(), aside / name)
        _mount("tmpfs", "/proc", "tmpfs", flags, "size=64k,mode=755")
        for name in SHOWN_PROC:
            _bind(aside / name, Path("/proc", name))
            _call("unmount", _libc().umount2(str(aside / name).encode(), 2))
        shutil.rmtree(aside)
        _mount("tmpfs", "/proc", None, MS_REMOUNT | MS_RDONLY | flags)


def _bind(source: Path, target: Path) -> None:
    """Show a file or folder at another place too."""
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    _mount(str(source), str(target), None, MS_BIND | MS_REC)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    result = _libc().mount(
        source.encode(), target.encode(), kind.encode() if kind else None,
        ctypes.c_ulong(flags), options.encode() or None,
    )  # fmt: skip
    _call(f"mount {target}", result)


def no_privileges() -> None:
    """Drop every capability, and the way to get one by running a program. Raises NoLock."""
    prctl(NO_NEW_PRIVILEGES, 1)
    for capability in range(64):
        if _libc().prctl(DROP_BOUND, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capabilities", _libc().capset(header, (ctypes.c_uint32 * 6)()))


# Limits


def limit(limits: Limits) -> None:
    """Limit memory, processes, open files, file sizes and processor time, for good."""
    sizes = _memory_now()
    bounds = {
        resource.RLIMIT_DATA: sizes["VmData"] + limits.memory,
        resource.RLIMIT_AS: sizes["VmSize"] + 2 * limits.memory + (1 << 30),
        resource.RLIMIT_NPROC: limits.processes,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_FSIZE: limits.disk,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for name, bound in bounds.items():
        hard = resource.getrlimit(name)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(name, (value, value))


def _memory_now() -> dict[str, int]:
    """This process's sizes in bytes, as /proc/self/status names them; 0 where there is none."""
    sizes = {"VmData": 0, "VmSize": 0}
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in sizes:
                sizes[name] = int(value.split()[0]) * 1024
    except OSError:
        return {"VmData": 1 << 30, "VmSize": 4 << 30}
    return sizes


# Landlock: what may be read and written, for processes that see more than they should

READ_FILE, READ_DIRECTORY, EXECUTE = 1 << 2, 1 << 3, 1
FILE_RIGHTS = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
CREATE_RULESET, ADD_RULE, RESTRICT = 444, 445, 446  # the same numbers on every architecture


def landlock_version() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    return max(0, int(_libc().syscall(CREATE_RULESET, None, 0, 1)))


def landlock(read: list[Path], write: list[Path]) -> int:
    """Let this process read only under `read` and write only under `write`. Raises NoLock.

    Also no TCP, and no signals or abstract sockets to others, where the kernel knows of that.
    Returns the version used.
    """
    version = landlock_version()
    if not version:
        raise NoLock(errno.ENOSYS, "Landlock: not in this kernel")
    rights = (1 << (13 + (version >= 2) + (version >= 3) + (version >= 5))) - 1
    handled = [rights, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    libc = _libc()
    rules = _call("Landlock", libc.syscall(CREATE_RULESET, attributes, len(attributes), 0))
    reading = READ_FILE | READ_DIRECTORY | EXECUTE
    try:
        for path, allowed in [*((p, reading) for p in read), *((p, rights) for p in write)]:
            _allow(libc, rules, path, allowed & rights)
        _call("Landlock", libc.syscall(RESTRICT, rules, 0))
    finally:
        os.close(rules)
    return version


def _allow(libc: Any, rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= FILE_RIGHTS
        rule = struct.pack("=Qi", rights, place)
        _call(f"Landlock {path}", libc.syscall(ADD_RULE, rules, 1, rule, 0))
    finally:
        os.close(place)


# System calls that a student's code has no use for. Numbers: x86_64, aarch64.

REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "mount_setattr": (442, 442), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "socket": (41, 198), "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186),
    "mq_open": (240, 180), "open_by_handle_at": (304, 265), "personality": (135, 92),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "swapon": (167, 224), "reboot": (169, 142), "acct": (163, 89), "quotactl": (179, 60),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162),
}  # fmt: skip
# As if the kernel did not know them; programs then do without.
UNKNOWN = {"clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447)}
CLONE = (56, 220)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
ALLOW, KILL = 0x7FFF0000, 0x80000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06


def refuse_calls() -> None:
    """Have the kernel refuse the calls named here, for this process and its children, for good.

    Raises NoLock where the kernel or this machine's architecture does not allow that.
    """
    program = filter_program(platform.machine())
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    described = Program(len(program) // 8, ctypes.addressof(buffer))
    prctl(NO_NEW_PRIVILEGES, 1)
    result = _libc().prctl(SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(described), 0, 0)
    _call("system call filter", result)


def filter_program(machine: str) -> bytes:
    """The filter in the kernel's BPF: load a number, compare, return. Raises NoLock."""
    if machine not in MACHINES:
        raise NoLock(errno.ENOSYS, f"system call filter: no list for {machine}")
    column, architecture = MACHINES[machine]
    refuse = 0x50000 | errno.EPERM
    lines = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    if machine == "x86_64":  # its second table of numbers, which nothing needs
        lines += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, refuse)]
    for numbers in REFUSED.values():
        lines += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, refuse)]
    for numbers in UNKNOWN.values():
        lines += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, 0x50000 | errno.ENOSYS)]
    lines += [
        (EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, 16),
        (ANY_BIT, 0, 1, ALL_NEW), (RETURN, 0, 0, refuse), (RETURN, 0, 0, ALLOW),
    ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
