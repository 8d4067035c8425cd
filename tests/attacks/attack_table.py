"""Attacks on a grader: cells that a student might hand in.

A cell gains the points of `double` (or `project`) if it succeeds, or leaves the trace that
`evidence` names. Words like @COURSE@ are filled in by the test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WRONG = "\ndef double(x):\n    return 0\n"
# The answer is right only where the attack came off.
IF_OK = "\ndef double(x):\n    return 2 * x if ok else 0\n"


@dataclass(frozen=True)
class Attack:
    """A cell, how the naive checker tests it, and what shows that it succeeded.

    `evidence` is "points", "created:PATH", "changed:PATH", "survivor", "dead" (the grader's
    process), "killed" (a neighbour's), "score" (the grader's memory), "hung" or "printed".
    One that computes some cases rightly, of its own accord, earns their share: these are `partly`
    right.
    """

    name: str
    cell: str
    style: str = "plain"
    evidence: str = "points"
    task: str = "double"
    partly: bool = False


def ok(name: str, body: str, **options: Any) -> Attack:
    """An attack whose body sets `ok`, and must not fail loudly."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return Attack(
        name, f"ok = False\ntry:\n{lines}except BaseException:\n    pass\n{IF_OK}", **options
    )


FORGE = '{"points": 2}\\n'
EVERY_PIPE = """
import os, sys
def everywhere(data):
    for number in range(3, 64):
        try:
            os.write(number, data)
        except OSError:
            pass
"""
YES = """
class Yes:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __array__(self, *a, **k):
        import numpy
        return numpy.array(42)
"""
OBSERVATION = (
    '{"name": "%s", "status": "observed", "cases": [{"outputs": {"value": '
    '[{"shape": [], "dtype": "int64", "data": "KgAAAAAAAAA="}]}}, '
    '{"outputs": {"value": [{"shape": [], "dtype": "int64", "data": "KgAAAAAAAAA="}]}}, '
    '{"outputs": {"value": [{"shape": [], "dtype": "int64", "data": "KgAAAAAAAAA="}]}}]}\\n'
)
LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
MEMORY = (
    "class V(ctypes.Structure):\n"
    "    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
)

FORGING = [
    Attack("replaces the test's comparison", "import numpy.testing\n"
           "numpy.testing.assert_equal = lambda *a, **k: None" + WRONG, "numpy"),
    Attack("replaces a builtin", "import builtins\nbuiltins.abs = lambda v: 0" + WRONG, "close"),
    Attack("replaces the import", "import builtins, types\nold = builtins.__import__\n"
           "def new(name, *a, **k):\n"
           "    if name == 'numpy.testing':\n"
           "        return types.SimpleNamespace(assert_equal=lambda *a: None)\n"
           "    return old(name, *a, **k)\nbuiltins.__import__ = new" + WRONG, "numpy"),
    Attack("replaces a module", "import sys, types\nm = types.ModuleType('numpy.testing')\n"
           "m.assert_equal = lambda *a: None\nsys.modules['numpy.testing'] = m" + WRONG, "numpy"),
    Attack("redefines the check", "check = lambda f: 2" + WRONG, "helper"),
    Attack("patches the checker's module", "import sys\ntry:\n    import checks\n"
           "    checks.check = lambda f: 2\nexcept ImportError:\n"
           "    import autograder, autograder.running.child, autograder.probing.probe\n"
           "    from autograder.data.observation import Observation\n"
           "    seen = lambda f, q: Observation(name=q.name, status='observed')\n"
           "    autograder.probing.probe.probe = seen\n"
           "    autograder.running.child.observe = lambda run, q, s: seen(None, q)" + WRONG,
           "module"),
    Attack("patches what measures a net", "import keras, sys\n"
           "asked = [0]\ntry:\n    import measuring\n"
           "    measuring.field = lambda net: asked[0]\nexcept ImportError:\n"
           "    import autograder.probing.structure as structure\n"
           "    real = structure.facts\n"
           "    def facts(*a, **k):\n"
           "        return {**real(*a, **k), 'output': 'a map', 'convolutions': 3, 'kernels': [],\n"
           "                'mixers': [], 'field': [asked[0]] * 2, 'holes': 0}\n"
           "    structure.facts = facts\n"
           "def see(target):\n    asked[0] = target\n    x = keras.Input((None, None, 3))\n"
           "    return keras.Model(x, keras.layers.Conv2D(2, 1)(x))\n", "measured", task="see"),
    Attack("result equal to everything", YES + "def double(x): return Yes()", "plain"),
    Attack("result at no distance from anything", YES + "def double(x): return Yes()", "close"),
    Attack("number that lies about equality", "class F(int):\n"
           "    __hash__ = int.__hash__\n    def __eq__(self, other): return True\n"
           "def double(x): return F(0)", "typed"),
    Attack("result that lies about its class", YES + "class Int(Yes):\n"
           "    __class__ = property(lambda self: int)\ndef double(x): return Int()", "typed"),
    Attack("array that lies about itself", "import numpy as np\nclass A(np.ndarray):\n"
           "    def __eq__(self, other): return True\n"
           "    def __array_ufunc__(self, *a, **k): return True\n"
           "    shape = property(lambda self: ())\n"
           "def double(x): return np.zeros(3).view(A)", "plain"),
    Attack("asks the check for the answer", "import re\ntable = {}\ndef double(x):\n"
           "    if x not in table: table[x] = None\n    return table[x]\n"
           "for _ in range(4):\n    try:\n        check(double)\n"
           "    except Exception as error:\n"
           "        last = [k for k in table if table[k] is None]\n"
           "        if last: table[last[0]] = float(re.findall(r'[\\d.]+', str(error))[-1])\n",
           "helper"),
    Attack("looks at its callers", "import sys\ndef double(x):\n    frame = sys._getframe()\n"
           "    while frame:\n        for v in list(frame.f_locals.values()):\n"
           "            if isinstance(v, (int, float)) and v == x + x: return v\n"
           "        frame = frame.f_back\n    return 0", "helper"),
    Attack("finds the reference in memory", "import gc, types\ndef double(x):\n"
           "    for o in gc.get_objects():\n"
           "        if isinstance(o, types.FunctionType) and o is not double and "
           "o.__name__ in ('reference', 'double', 'answer'):\n            return o(x)\n"
           "    return 0", "plain"),
    Attack("finds the reference among modules", "import sys\ndef double(x):\n"
           "    for m in list(sys.modules.values()):\n"
           "        f = vars(m).get('reference') if hasattr(m, '__dict__') else None\n"
           "        if callable(f): return f(x)\n    return 0", "plain"),
    Attack("finds a key in memory", "import gc\ndef double(x):\n"
           "    for o in gc.get_objects():\n"
           "        if type(o).__name__ in ('Key', 'TaskKey', 'Answer'):\n"
           "            return float(o.answers[0].outputs[0]['value'][0].numpy())\n"
           "    return sys.modules['checks'].reference(x)\nimport sys", "plain"),
    Attack("is right at its first call only", "calls = {}\ndef double(x):\n"
           "    calls[x] = calls.get(x, 0) + 1\n    return 2 * x if calls[x] == 1 else 0", "plain"),
    Attack("looks at the clock", "import time\nstart = None\ndef double(x):\n    global start\n"
           "    start = start or time.perf_counter_ns()\n"
           "    time.sleep(0.002)\n"
           "    return 2 * x if time.perf_counter_ns() - start < 9e6 else 0", "plain",
           partly=True),
    Attack("notebook: transforms the tests' text", "get_ipython()."
           "input_transformers_post.append(lambda lines: ['points = 2\\n'])" + WRONG, "notebook"),
    Attack("notebook: transforms the tests' tree", "import ast\nclass T(ast.NodeTransformer):\n"
           "    def visit_Assert(self, node): return ast.parse('0').body[0]\n"
           "get_ipython().ast_transformers.append(T())" + WRONG, "notebook"),
    Attack("notebook: replaces run_cell", "shell = get_ipython()\n"
           "shell.run_cell = lambda *a, **k: shell.user_ns.update(points=2)" + WRONG, "notebook"),
    Attack("notebook: handles the tests' exceptions", "get_ipython().set_custom_exc("
           "(Exception,), lambda s, *a, **k: s.user_ns.update(points=2))" + WRONG, "notebook"),
    Attack("notebook: runs after every cell", "get_ipython().events.register('post_run_cell', "
           "lambda *a: get_ipython().user_ns.update(points=2))" + WRONG, "notebook"),
    Attack("writes its points and leaves", EVERY_PIPE + f"everywhere(b'{FORGE}')\nos._exit(0)"),
    Attack("writes an observation before it is asked", EVERY_PIPE
           + f"everywhere(b'{FORGE}')\neverywhere(b'''{OBSERVATION % 'double'}''')" + WRONG),
    Attack("answers twice", EVERY_PIPE + f"def double(x):\n    everywhere(b'{FORGE}')\n"
           f"    everywhere(b'''{OBSERVATION % 'double'}''' * 2)\n    return 0"),
    Attack("answers out of order", EVERY_PIPE + f"def double(x):\n    everywhere(b'{FORGE}')\n"
           f"    everywhere(b'''{OBSERVATION % 'ends'}''')\n    return 0"),
    Attack("answers late, from a thread", EVERY_PIPE + "import threading, time\n"
           f"def late():\n    time.sleep(0.1)\n    everywhere(b'{FORGE}')\n"
           f"    everywhere(b'''{OBSERVATION % 'double'}''')\n    os._exit(0)\n"
           "threading.Thread(target=late).start()\ntime.sleep(0.3)" + WRONG),
    Attack("sends what is no number", EVERY_PIPE + "def double(x):\n"
           "    everywhere(b'{\"points\": Infinity}\\n')\n    return float('nan')"),
    Attack("sends a flood", EVERY_PIPE + f"everywhere(b'{FORGE}')\n"
           "import threading\ndef flood(n):\n    while True:\n"
           "        try: os.write(n, b'9' * 1_000_000)\n        except OSError: return\n"
           "for n in range(3, 32): threading.Thread(target=flood, args=(n,), daemon=True).start()\n"
           "import time; time.sleep(1)" + WRONG),
    Attack("sends a pickle", EVERY_PIPE + "import pickle\nclass P:\n    def __reduce__(self):\n"
           "        return eval, (\"open('@COURSE@/unpickled', 'w').close()\",)\n"
           "everywhere(pickle.dumps(P()) + b'\\n')" + WRONG, evidence="created:unpickled"),
    Attack("project: tensor that lies about its shape", "import keras\n"
           "keras.KerasTensor.shape = property(lambda s: (None, 3), lambda s, v: None)\n"
           "keras.Model.count_params = lambda self: 18\n"
           "def project(x, units): return keras.layers.Dense(1, use_bias=False)(x)", "shapes",
           task="project"),
    Attack("project: layer that lies about its weights", "import keras, numpy as np\n"
           "class Lie(keras.layers.Layer):\n"
           "    def __init__(self, units):\n"
           "        super().__init__()\n        self.units = units\n"
           "    def compute_output_shape(self, shape): return (shape[0], self.units)\n"
           "    weights = property(lambda self: [np.zeros((5, 3)), np.zeros(3)])\n"
           "    trainable_variables = trainable_weights = weights\n"
           "    def call(self, x): return keras.ops.zeros((keras.ops.shape(x)[0], self.units))\n"
           "keras.Model.weights = property(lambda self: [np.zeros((5, 3)), np.zeros(3)])\n"
           "def project(x, units): return Lie(units)(x)", "values", task="project"),
    Attack("project: replaces Keras's call", "import keras, numpy as np\n"
           "np.allclose = lambda *a, **k: True\nnp.array_equal = lambda *a, **k: True\n"
           "def project(x, units):\n"
           "    return keras.layers.Dense(units, activation='relu')(x)", "values", task="project"),
]  # fmt: skip

READING = [
    ok("reads the solutions", """
import importlib.util
spec = importlib.util.spec_from_file_location('t', '@COURSE@/solutions/01_numbers/tasks.py')
m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
ok = m.double(4) == 8"""),
    ok("reads the key", "ok = 'answers' in open('@COURSE@/keys/private.json').read()"),
    ok("reads another's submission",
       "import glob\n"
       "ok = 'def double' in open(glob.glob('@COURSE@/submitted/honest1/*/*.ipynb')[0]).read()"),
    ok("reads the gradebook", """
import sqlite3
base = sqlite3.connect('file:@COURSE@/gradebook.db?mode=ro', uri=True)
ok = bool(base.execute('select * from grades').fetchall())"""),
    ok("lists the course", "import os\nok = 'submitted' in os.listdir('@COURSE@')"),
    ok("climbs out of its folder", """
import os
ok = any(os.path.exists('../' * n + 'submitted') or os.path.exists('../' * n + '@COURSE@'[1:])
         for n in range(1, 12))"""),
    ok("reads the environment", "import os\nok = 'GRADER_TOKEN' in os.environ"),
    ok("reads a neighbour's environment", """
import glob
for path in glob.glob('/proc/[0-9]*/environ'):
    try: ok = ok or b'GRADER_TOKEN=' in open(path, 'rb').read()
    except OSError: pass"""),
    ok("looks through a neighbour's root", """
import glob, os
ok = any(os.path.exists(p + '@COURSE@/keys') for p in glob.glob('/proc/[0-9]*/root')
         if p != f'/proc/{os.getpid()}/root')"""),
    ok("looks through a neighbour's files", """
import glob, os
for path in glob.glob('/proc/[0-9]*/fd/*'):
    try: ok = ok or '@COURSE@' in os.readlink(path)
    except OSError: pass"""),
    ok("reads the machine's passwords", "ok = bool(open('/etc/shadow').read())"),
    ok("reads the kernel's log", "import os\nok = os.open('/dev/kmsg', os.O_RDONLY) > 0"),
    ok("imports the answer from the book",
       "import convbook.architectures.residual as r\nok = bool(r.residual_block)"),
    ok("imports the answer past the import hooks", """
import sys, importlib
sys.meta_path[:] = [f for f in sys.meta_path if 'NoAnswers' not in type(f).__name__]
importlib.invalidate_caches()
ok = bool(importlib.import_module('convbook.architectures.residual').residual_block)"""),
    ok("reads the book's source", """
import convbook, os
folder = os.path.join(os.path.dirname(convbook.__file__), 'architectures')
ok = 'residual.py' in os.listdir(folder)"""),
    ok("takes Keras's own networks",
       "import keras\nok = bool(keras.applications.resnet.ResNet50)"),
    ok("reads the source of Keras's own networks", """
import glob, keras, os
folder = os.path.dirname(keras.__file__)
ok = bool(glob.glob(folder + '/**/applications/resnet.py', recursive=True))"""),
]  # fmt: skip

WRITING = [
    Attack("overwrites the key", "open('@COURSE@/keys/private.json', 'w').write('{}')" + WRONG,
           evidence="changed:keys/private.json"),
    Attack("overwrites another's submission", "open("
           "'@COURSE@/submitted/honest1/01_numbers/01_numbers.ipynb', 'w').write('')" + WRONG,
           evidence="changed:submitted/honest1/01_numbers/01_numbers.ipynb"),
    Attack("writes into the gradebook", "import sqlite3\n"
           "base = sqlite3.connect('@COURSE@/gradebook.db')\n"
           "base.execute('update grades set score = 100')\nbase.commit()" + WRONG,
           evidence="changed:gradebook.db"),
    Attack("writes into the solutions", "open('@COURSE@/solutions/01_numbers/tasks.py', 'a')"
           ".write('TASKS = []')" + WRONG, evidence="changed:solutions/01_numbers/tasks.py"),
    Attack("leaves a startup file at home", "import os\nfor home in ('@HOME@', "
           "os.path.expanduser('~')):\n    try:\n"
           "        os.makedirs(home + '/.ipython/profile_default/startup', exist_ok=True)\n"
           "        open(home + '/.ipython/profile_default/startup/x.py', 'w').write('1')\n"
           "    except OSError: pass" + WRONG,
           evidence="created:home/.ipython/profile_default/startup/x.py"),
    Attack("leaves a module beside the notebooks", "open('@COURSE@/submitted/json.py', 'w')"
           ".write('raise SystemExit')" + WRONG, evidence="created:submitted/json.py"),
    Attack("leaves a sitecustomize", "import os\nos.makedirs('@HOME@/lib', exist_ok=True)\n"
           "open('@HOME@/lib/sitecustomize.py', 'w').write('raise SystemExit')" + WRONG,
           evidence="created:home/lib/sitecustomize.py"),
    Attack("leaves a link to a secret", "import os\n"
           "os.symlink('/etc/shadow', '@COURSE@/submitted/link')" + WRONG,
           evidence="created:submitted/link"),
    ok("makes a device", """
import os, stat
os.mknod('/tmp/@MARK@', stat.S_IFCHR | 0o600, os.makedev(1, 1))
ok = True
os.unlink('/tmp/@MARK@')"""),
    ok("changes Keras for those who come after", """
import keras
with open(keras.__file__, 'r+b'):
    ok = True"""),
]  # fmt: skip

SLEEPER = "import time; time.sleep(600)"
PROCESSES = [
    Attack("leaves a process behind", "import subprocess\nsubprocess.Popen(['@PYTHON@', '-c', "
           f"'{SLEEPER}', '@MARK@'], start_new_session=True)" + WRONG, evidence="survivor"),
    Attack("leaves a daemon behind", "import os, subprocess\nif os.fork() == 0:\n    os.setsid()\n"
           "    if os.fork() == 0:\n"
           f"        os.execv('@PYTHON@', ['@PYTHON@', '-c', '{SLEEPER}', '@MARK@'])\n"
           "    os._exit(0)\nos.wait()\nimport time; time.sleep(0.2)" + WRONG,
           evidence="survivor"),
    Attack("forks in a cell", "import os\nif os.fork() == 0:\n    os.setsid()\n"
           f"    os.execv('@PYTHON@', ['@PYTHON@', '-c', '{SLEEPER}', '@MARK@'])\n"
           "import time; time.sleep(0.1)" + WRONG, evidence="survivor"),
    Attack("ends its parent", "import os, signal\nif os.getppid() > 1:\n"
           "    os.kill(os.getppid(), signal.SIGKILL)" + WRONG, evidence="dead"),
    Attack("ends a neighbour", "import glob, os, signal\nfor path in glob.glob('/proc/[0-9]*'):\n"
           "    try:\n        if b'@SIBLING@' in open(path + '/cmdline', 'rb').read():\n"
           "            os.kill(int(path[6:]), signal.SIGKILL)\n    except OSError: pass\n"
           + WRONG, evidence="killed"),
    ok("traces its parent", LIBC + "ok = libc.ptrace(0x4206, os.getppid(), 0, 0) == 0"),
    ok("reads its parent's memory", LIBC + MEMORY + """
text = ctypes.create_string_buffer(8)
here = V(ctypes.addressof(text), 8)
there = V(id(None), 8)
ok = libc.process_vm_readv(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8"""),
    Attack("writes into its parent's memory", LIBC + MEMORY + """
import sys
score = getattr(sys.modules['__main__'], 'SCORE', bytearray(1))
place = ctypes.addressof(ctypes.c_char.from_buffer(score))
two = ctypes.create_string_buffer(b'2')
here, there = V(ctypes.addressof(two), 1), V(place, 1)
libc.process_vm_writev(os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
""" + WRONG, evidence="score"),
    ok("makes itself root of a namespace", LIBC + "ok = libc.unshare(0x10000000) == 0"),
    ok("mounts a file system", LIBC + """
libc.unshare(0x20000)
libc.mount(b'none', b'/', None, 0x4000 | 0x40000, None)
ok = libc.mount(b'none', b'/mnt', b'tmpfs', 0, None) == 0"""),
    ok("raises its own limits", """
import resource
resource.setrlimit(resource.RLIMIT_NPROC, (9000, 9000))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))
ok = True"""),
    Attack("ignores the clock", "while True:\n    try:\n        while True: pass\n"
           "    except BaseException: pass\n", evidence="hung"),
    Attack("switches the alarm off and sleeps", "import signal, time\n"
           "signal.setitimer(signal.ITIMER_REAL, 0)\n"
           "signal.signal(signal.SIGALRM, signal.SIG_IGN)\ntime.sleep(600)", evidence="hung"),
    Attack("ends at once", f"import os\nprint('x')\n{EVERY_PIPE}everywhere(b'{FORGE}')\n"
           "os.abort()"),
]  # fmt: skip

FLOODS = [
    ok("floods with processes", """
import os, signal
pids = []
try:
    for _ in range(300):
        pids.append(os.posix_spawn('/bin/sleep', ['sleep', '60'], {}))
finally:
    for pid in pids: os.kill(pid, signal.SIGKILL)
    for pid in pids: os.waitpid(pid, 0)
ok = len(pids) == 300"""),
    ok("floods with threads", """
import threading
stop = threading.Event()
threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(300)]
try:
    for t in threads: t.start()
    ok = True
finally: stop.set()"""),
    ok("takes a lot of memory", "x = bytearray(900 << 20)\nok = len(x) > 0\ndel x"),
    ok("takes a lot of memory in many processes", """
import os, signal, time
pids = []
for _ in range(5):
    pid = os.fork()
    if pid == 0:
        x = b'x' * (220 << 20); time.sleep(2); os._exit(0)
    pids.append(pid)
ok = all(os.waitpid(pid, 0)[1] == 0 for pid in pids)"""),
    ok("takes a lot of shared memory", """
import mmap
x = mmap.mmap(-1, 900 << 20)
for n in range(0, len(x), 4096): x[n] = 1
ok = True
x.close()"""),
    ok("fills the disk", """
import os
try:
    for n in range(4):
        with open(f'/tmp/@MARK@{n}', 'wb') as f: f.write(bytes(100 << 20))
    ok = True
finally:
    for n in range(4):
        if os.path.exists(f'/tmp/@MARK@{n}'): os.unlink(f'/tmp/@MARK@{n}')"""),
    ok("uses up the inodes", """
import os, shutil
os.mkdir('/tmp/@MARK@')
try:
    for n in range(21_000): os.close(os.open(f'/tmp/@MARK@/{n}', os.O_CREAT | os.O_WRONLY))
    ok = True
finally: shutil.rmtree('/tmp/@MARK@')"""),
    ok("opens many files", """
import os
opened = []
try:
    for _ in range(400): opened.append(os.open('/dev/null', os.O_RDONLY))
    ok = True
finally:
    for n in opened: os.close(n)"""),
    Attack("prints without end", "import os\nfor _ in range(60): print('y' * 1_000_000)\n" + WRONG,
           evidence="printed"),
]  # fmt: skip

NETWORK = [
    ok("connects to this machine", """
import socket
socket.create_connection(('127.0.0.1', @PORT@), 2).sendall(b'hello')
ok = True"""),
    ok("connects to this machine over IPv6", """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM); s.settimeout(2)
s.connect(('::1', @PORT@)); s.sendall(b'hello')
ok = True"""),
    ok("sends a datagram", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ok = s.sendto(b'hello', ('127.0.0.1', @PORT@)) == 5"""),
    ok("listens", """
import socket
s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen()
ok = True"""),
    ok("uses an abstract socket", """
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(2); s.connect('\\0@MARK@'); s.sendall(b'hello')
ok = True"""),
    ok("uses a socket in the file system", """
import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(2); s.connect('@SOCKET@'); s.sendall(b'hello')
ok = True"""),
    ok("connects by another program", """
import subprocess
code = "import socket; socket.create_connection(('127.0.0.1', @PORT@), 2).sendall(b'hello')"
ok = subprocess.run(['@PYTHON@', '-c', code], timeout=10).returncode == 0"""),
]  # fmt: skip

ATTACKS = [*FORGING, *READING, *WRITING, *PROCESSES, *FLOODS, *NETWORK]
