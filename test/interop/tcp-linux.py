"""
Two ends of real Linux TCP, each in a network namespace of its own, and the wire between them.

Both namespaces live in this process only and vanish with it. Each has a TUN device; what the kernel sends into one is
carried to the other after serialisation and a fixed delay, or lost, doubled or held up, as the pattern on standard
input says by direction and number. On standard output: every packet that an end has sent, and when, before its fate.

Python, since it takes setns(2), TUNSETIFF and raw time; needs root and /dev/net/tun. One thread, one event loop: a
packet is delivered, and all that the kernel and the programs make of it is taken, before the next one.
"""
import ctypes, fcntl, gc, heapq, json, os, select, socket, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
SO_SNDBUFFORCE = 32
MS = 1_000_000


def call(number):
    if number != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class End:
    """One host: its namespace, its TUN device, and the program on it."""

    def __init__(self, name, address, pattern):
        call(libc.unshare(CLONE_NEWNET))
        self.name, self.address = name, address
        self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        for key, value in pattern["sysctl"].items():
            path = "/proc/sys/net/ipv4/" + key
            if os.path.exists(path):
                with open(path, "w") as file:
                    file.write(str(value))
        with open("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w") as file:
            file.write("1")
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN_NO_PI))
        for command in (
            "link set lo up",
            # One segment a buffer: how Linux fills larger ones is no part of what is compared.
            f"link set tun0 mtu {pattern['mtu']} gso_max_segs 1 up",
            f"addr add {address}/24 dev tun0",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        self.actions = pattern[name]
        self.count = self.busy = 0
        self.fates = pattern["fates"][name]
        self.socket = None
        self.reading, self.received, self.unsent, self.over = True, 0, 0, False
        self.shutting = ""

    def enter(self):
        call(libc.setns(self.namespace, CLONE_NEWNET))


class Wire:
    def __init__(self, pattern):
        self.pattern = pattern
        self.ends = [End("client", "10.0.0.1", pattern), End("server", "10.0.0.2", pattern)]
        self.due, self.serial, self.packets, self.told, self.late = [], 0, [], [], 0
        self.delay = pattern["delayMs"] * MS
        client, server = self.ends
        server.enter()
        self.listener = socket.socket()
        self.prepare(self.listener)
        self.listener.bind((server.address, 5000))
        self.listener.listen()
        client.enter()
        self.start = time.monotonic_ns()
        client.socket = socket.socket()
        self.prepare(client.socket)
        try:
            client.socket.connect((server.address, pattern["port"]))
        except BlockingIOError:
            pass
        self.connecting = True

    def now(self):
        return time.monotonic_ns() - self.start

    def prepare(self, sock):
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 22)
        # By socket: a namespace may not choose it for all.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.pattern["congestion"].encode())

    def at(self, when, act):
        self.serial += 1
        heapq.heappush(self.due, (when, self.serial, act))

    def happened(self, end, event):
        self.told.append([round(self.now() / MS, 3), end.name, event])
        for action in end.actions:
            if action["on"] == event:
                self.at(self.now() + action.get("afterMs", 0) * MS, lambda a=action: self.act(end, a))

    def act(self, end, action):
        what = action["do"]
        if what == "write":
            end.unsent += action["octets"]
        elif what == "pause":
            end.reading = False
        elif what == "resume":
            end.reading = True
        elif what == "nodelay":
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif what == "shutdown" or what == "close":
            end.shutting = what
        elif what == "abort":
            end.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.socket.close()
            end.over = True
        self.write(end)

    def write(self, end):
        while end.unsent > 0 and not end.over:
            try:
                end.unsent -= end.socket.send(bytes(end.unsent))
            except BlockingIOError:
                return
            except OSError as error:
                self.failed(end, error)
                return
        if end.shutting == "" or end.over:
            return
        if end.shutting == "close":
            end.socket.close()
            end.over = True
        else:
            end.socket.shutdown(socket.SHUT_WR)
        end.shutting = ""

    def failed(self, end, error):
        end.socket.close()
        end.over = True
        self.happened(end, os.strerror(error.errno))

    def read(self, end):
        try:
            octets = end.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError as error:
            self.failed(end, error)
            return
        if octets:
            before = end.received
            end.received += len(octets)
            for action in end.actions:
                kind, _, number = action["on"].partition(" ")
                if kind == "received" and before < int(number) <= end.received:
                    self.happened(end, action["on"])
        else:
            end.reading = False
            self.happened(end, "end")

    def carry(self, end):
        """Take what the kernel has sent; everything that is there."""
        other = self.ends[1] if end is self.ends[0] else self.ends[0]
        while True:
            try:
                packet = os.read(end.tun, 65536)
            except BlockingIOError:
                return
            now = self.now()
            self.packets.append([now / MS, end.name, packet[:120].hex(), len(packet)])
            fate = end.fates.get(str(end.count), {})
            end.count += 1
            copies = fate.get("copies", 1)
            if copies == 0:
                continue
            end.busy = max(end.busy, now) + (len(packet) + 38) * 8 * 1000 // self.pattern["rateMbit"]
            for _ in range(copies):
                arrival = end.busy + self.delay + fate.get("extraMs", 0) * MS
                self.at(arrival, lambda p=packet: os.write(other.tun, p))

    def look(self, timeout):
        """Wait for the kernel, at most `timeout` seconds, and do what it says."""
        reads = [end.tun for end in self.ends]
        writes = []
        if self.ends[1].socket is None:
            reads.append(self.listener)
        for end in self.ends:
            if end.socket is None or end.over:
                continue
            if end is self.ends[0] and self.connecting:
                writes.append(end.socket)
                continue
            if end.reading:
                reads.append(end.socket)
            if end.unsent > 0:
                writes.append(end.socket)
        readable, writable, _ = select.select(reads, writes, [], timeout)
        for end in self.ends:
            if end.tun in readable:
                self.carry(end)
        if self.listener in readable:
            server = self.ends[1]
            server.socket, _ = self.listener.accept()
            server.socket.setblocking(False)
            self.happened(server, "established")
        for end in self.ends:
            if end.socket is None or end.over:
                continue
            if end.socket in writable and end is self.ends[0] and self.connecting:
                self.connecting = False
                error = end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    self.failed(end, OSError(error, ""))
                    continue
                self.happened(end, "established")
            elif end.socket in writable:
                self.write(end)
            if end.socket in readable and not end.over:
                self.read(end)
        return bool(readable)

    def run(self):
        end = self.pattern["untilMs"] * MS
        while self.now() < end:
            while self.look(0):
                pass
            if self.due and self.due[0][0] <= self.now():
                when, _, act = heapq.heappop(self.due)
                self.late = max(self.late, self.now() - when)
                act()
                continue
            wake = min(self.due[0][0] if self.due else end, end)
            self.look(max(0, wake - self.now()) / 1e9)
        return {
            "kernel": os.uname().release,
            "lateMs": round(self.late / MS, 3),
            "packets": self.packets,
            "events": self.told,
        }


# A busy machine must not hold the wire up.
gc.disable()
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
json.dump(Wire(json.load(sys.stdin)).run(), sys.stdout)
