"""
Plays conformance scripts (script.ts) against the TCP of the Linux that this runs on: a TUN device is the wire, this
program is both the peer and the program. Needs root in a network namespace of its own.

stdin   {"sysctl": {name: value}, "cases": [[step, ...], ...]}
stdout  one JSON line a case: [[step, milliseconds since that step, packet in hex], ...] for each packet that came out
"""
import fcntl, heapq, json, os, select, socket, struct, subprocess, sys, time

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack("!%dH" % (len(octets) // 2), octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(tos, protocol, source, destination, payload):
    head = struct.pack("!BBHHHBBH4s4s", 69, tos, 20 + len(payload), 1, 0x4000, 64, protocol, 0, source, destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


class Case:
    """The steps of one script; `wait` is when the next one is due."""

    def __init__(self, number, steps, tun):
        self.steps, self.tun, self.at, self.wait = steps, tun, 0, 0.0
        self.host = socket.inet_aton("10.1.0.1")
        self.peer = socket.inet_aton("10.2.%d.%d" % (number >> 8, number & 255))
        self.port, self.peer_port = 2000 + number, 4000
        self.iss, self.stamp = 0, None
        self.irs = 50000
        self.listener = self.socket = None
        self.wanted, self.reading, self.half, self.done, self.out, self.since = 0, True, False, False, [], time.monotonic()

    def received(self, packet):
        """A packet of Linux's for our peer; after the last step it is none of our business."""
        if self.done:
            return
        self.out.append([self.at - 1, (time.monotonic() - self.since) * 1000, packet.hex()])
        tcp = packet[(packet[0] & 15) * 4 :]
        if tcp[13] & 2:
            self.iss = struct.unpack_from("!I", tcp, 4)[0]
            stamps = self.option(tcp, 8)
            if stamps and self.stamp is None:
                self.stamp = struct.unpack("!I", stamps[:4])[0]

    @staticmethod
    def option(tcp, kind):
        at, end = 20, (tcp[12] >> 4) * 4
        while at < end and tcp[at]:
            if tcp[at] == kind:
                return tcp[at + 2 : at + tcp[at + 1]]
            at += 1 if tcp[at] == 1 else tcp[at + 1]
        return None

    def step(self):
        """Do what comes next; False when nothing does."""
        while self.at < len(self.steps) and self.steps[self.at]["kind"] == "check":
            self.at += 1
        if self.at == len(self.steps):
            self.done = True
            return False
        step = self.steps[self.at]
        self.at += 1
        self.since = time.monotonic()
        self.wanted = len(self.out) + step["wanted"]
        if step["kind"] == "in":
            self.inject(step)
        elif step["kind"] == "pass":
            self.wait = self.since + step["ms"] / 1000
        else:
            self.call(step["name"], step["values"])
        return True

    def inject(self, s):
        options = b""
        if "mss" in s:
            options += struct.pack("!BBH", 2, 4, s["mss"])
        if s.get("sackOK"):
            options += b"\1\1\4\2"
        if "ts" in s:
            options += struct.pack("!BBBBII", 1, 1, 8, 10, s["ts"][0], (s["ts"][1] + self.stamp) % 2**32 if self.stamp else 0)
        if "wscale" in s:
            options += struct.pack("!BBBB", 1, 3, 3, s["wscale"])
        if "sack" in s:
            options += struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(s["sack"]))
            for block in s["sack"]:
                options += struct.pack("!II", *((edge + self.iss) % 2**32 for edge in block))
        flags = sum(FLAGS[letter] for letter in s["flags"])
        ack = (self.iss + s["ack"]) % 2**32 if "ack" in s else 0
        seq = (self.irs + s["seq"]) % 2**32
        length = (20 + len(options)) << 10
        tcp = struct.pack("!HHIIHHHH", self.peer_port, self.port, seq, ack, length | flags, s["window"], 0, 0)
        tcp += options + b"\0" * s["length"]
        pseudo = self.peer + self.host + struct.pack("!HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        os.write(self.tun, ipv4(s["tos"], 6, self.peer, self.host, tcp))

    def call(self, name, values):
        if name == "listen":
            self.listener = socket.socket()
            self.listener.setblocking(False)
            self.listener.bind(("10.1.0.1", self.port))
            self.listener.listen()
        elif name == "connect":
            self.peer_port = 80
            self.socket = socket.socket()
            self.socket.setblocking(False)
            self.socket.bind(("10.1.0.1", self.port))
            self.socket.connect_ex((socket.inet_ntoa(self.peer), 80))
        elif name == "write":
            self.socket.send(b"\0" * values[0])
        elif name == "shutdown":
            self.socket.shutdown(socket.SHUT_WR)
        elif name == "close":
            self.socket.close()
            self.socket = None
        elif name == "abort":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket = None
        elif name == "nodelay":
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        elif name == "half":
            self.half = True
        elif name in ("pause", "resume"):
            self.reading = name == "resume"
        elif name == "irs":
            self.irs = values[0]
        elif name == "keepalive":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in zip((4, 5, 6), (values[0] // 1000, values[1] // 1000, values[2])):
                self.socket.setsockopt(socket.IPPROTO_TCP, option, value)
        elif name == "icmp":
            kind, code, mtu, seq = values
            quoted = ipv4(0, 6, self.host, self.peer, struct.pack("!HHI", self.port, self.peer_port, (self.iss + seq) % 2**32))
            message = struct.pack("!BBHHH", kind, code, 0, 0, mtu) + quoted
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
            os.write(self.tun, ipv4(0, 1, self.peer, self.host, message))

    def program(self):
        """What a program does by itself: accept, read, close when the peer has."""
        if self.socket is None and self.listener is not None:
            try:
                self.socket = self.listener.accept()[0]
                self.socket.setblocking(False)
            except BlockingIOError:
                pass
        while self.socket is not None and self.reading:
            try:
                if self.socket.recv(1 << 20) == b"" and not self.half:
                    self.socket.close()
                    self.socket = None
                elif self.half:
                    break
            except OSError:
                break


def main():
    order = json.load(sys.stdin)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"wire", 0x1001))
    for command in ("link set lo up", "addr add 10.1.0.1/32 dev lo", "link set wire up mtu 1500", "route add 10.2.0.0/16 dev wire src 10.1.0.1"):
        subprocess.run(["ip", *command.split()], check=True)
    for name, value in {"net/ipv4/tcp_no_metrics_save": 1, "net/ipv4/tcp_syn_linear_timeouts": 0, **order["sysctl"]}.items():
        if not os.path.exists("/proc/sys/" + name):
            continue
        with open("/proc/sys/" + name, "w") as setting:
            setting.write(str(value))
    cases = [Case(number, steps, tun) for number, steps in enumerate(order["cases"])]
    of = {case.peer: case for case in cases}

    def drain():
        while True:
            try:
                packet = os.read(tun, 65536)
            except BlockingIOError:
                return
            case = of.get(packet[16:20])
            if packet[0] >> 4 == 4 and packet[9] == 6 and case is not None:
                case.received(packet)

    waiting = [(0.0, number) for number in range(len(cases))]
    while waiting:
        now = time.monotonic()
        due, number = waiting[0]
        if due > now:
            if select.select([tun], [], [], due - now)[0]:
                drain()
                for _, other in waiting:
                    cases[other].program()
                drain()
            continue
        heapq.heappop(waiting)
        case = cases[number]
        drain()
        # A busy kernel answers a little later.
        if len(case.out) < case.wanted and now < case.since + 0.2:
            case.program()
            heapq.heappush(waiting, (now + 0.001, number))
        elif case.step():
            drain()
            case.program()
            drain()
            heapq.heappush(waiting, (max(case.wait, time.monotonic()), number))
    for case in cases:
        print(json.dumps(case.out))


main()
