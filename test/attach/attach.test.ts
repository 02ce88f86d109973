/**
 * A node whose peer is real. The peer is the test: a socket on loopback, messages by our own codec. Real daemons are in
 * `test/interop`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createServer, connect as dial, type Socket } from 'node:net';
import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import { Attachment } from '../../src/attach/attachment.ts';
import { formatSocketAddress, parseLoopback, parseLoopbackHost } from '../../src/attach/loopback.ts';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { Lab } from '../../src/lab.ts';
import type { MachineStatus } from '../../src/node/command.ts';
import * as Header from '../../src/wire/bgp/header.ts';
import * as Message from '../../src/wire/bgp/message.ts';
import * as Update from '../../src/wire/bgp/update.ts';
import { assert, fromRoot, suite } from '../kit.ts';

const t = suite('attach', undefined, 30_000);

for (const [text, address] of [
  ['127.0.0.1:179', { host: '127.0.0.1', port: 179 }],
  ['127.1.2.3:0', { host: '127.1.2.3', port: 0 }],
] as const)
  t(`takes ${text}`, () => {
    assert.equal(parseLoopback(text), address);
    assert.is(formatSocketAddress(address), text);
  });

for (const [text, message] of [
  ['192.168.10.254:179', '192.168.10.254 is not on loopback: real peers are reached at 127.0.0.0/8 only'],
  ['0.0.0.0:179', '0.0.0.0 is not on loopback: real peers are reached at 127.0.0.0/8 only'],
  ['localhost:179', 'expected ADDRESS:PORT such as 127.0.0.2:1179, got "localhost:179"'],
  ['127.0.0.1', 'expected ADDRESS:PORT such as 127.0.0.2:1179, got "127.0.0.1"'],
  ['127.0.0.1:70000', 'expected ADDRESS:PORT such as 127.0.0.2:1179, got "127.0.0.1:70000"'],
] as const)
  t(`refuses ${text}`, () => {
    assert.throws(
      () => parseLoopback(text),
      (error: Error) => error.message === message,
    );
  });

t('takes an address without a port where none is wanted', () => {
  assert.is(parseLoopbackHost('127.0.0.3'), '127.0.0.3');
  assert.throws(() => parseLoopbackHost('10.0.0.1'), /not on loopback/);
});

const PEER = Ipv4.from('192.168.10.254');
const CONTEXT = { as4: true, addPath: false, external: true };

/** The other end of a session: it says what it is told to, and keeps what it hears. */
class RawPeer {
  readonly heard: Message.Message[] = [];
  closed = false;
  readonly #socket: Socket;
  #pending = new Uint8Array(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('data', octets => {
      const all = Buffer.concat([this.#pending, octets]);
      let at = 0;
      for (;;) {
        const length = Header.check(all, at);
        if (length === undefined || at + length > all.length) break;
        this.heard.push(Message.decode(all, at, length, CONTEXT));
        at += length;
      }
      this.#pending = new Uint8Array(all.subarray(at));
    });
  }

  say(...messages: Message.Message[]): void {
    for (const message of messages) this.#socket.write(Message.encode(message, CONTEXT));
  }

  open(): void {
    const capabilities = [
      { kind: 'multiprotocol', afi: 1, safi: 1 },
      { kind: 'as4', as: 65001 },
    ] as const;
    this.say(
      { kind: 'open', version: 4, myAs: 65001, holdTimeSec: 90, identifier: PEER, capabilities },
      Message.KEEPALIVE,
    );
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** The lab in which k8s-w1 has an eBGP neighbour, attached to `connect` or listening. */
class Attached {
  readonly lab: Lab;
  readonly attachment: Attachment;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  static async start(connectPort?: number): Promise<Attached> {
    const lab = await Lab.load(fromRoot('test/fixtures/interop/external.yaml'), { workers: 0 });
    const attachment = await Attachment.begin(lab.controller, {
      machine: 'k8s-w1',
      peer: PEER,
      listen: { host: '127.0.0.1', port: 0 },
      connect: connectPort === undefined ? undefined : { host: '127.0.0.1', port: connectPort },
    });
    const attached = new Attached(lab, attachment);
    const session = await attachment.boot(attached.#stop.signal);
    assert.is(session?.name, 'Node_192_168_10_254');
    await attachment.open();
    attached.#running = attachment.run(attached.#stop.signal);
    return attached;
  }

  private constructor(lab: Lab, attachment: Attachment) {
    this.lab = lab;
    this.attachment = attachment;
  }

  async state(): Promise<string> {
    const ask = (): Promise<MachineStatus> => this.lab.controller.ask('k8s-w1', { do: 'status' });
    const { sessions } = await this.attachment.time.ask(ask);
    return sessions.find(s => s.peer === PEER)!.info;
  }

  async routes(): Promise<string[]> {
    const routes = await this.attachment.time.ask(() => this.lab.routes('k8s-w1'));
    return routes.map(route => route.text.trimEnd());
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.attachment.close();
    await this.lab.close();
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

const ROUTE = '10.9.0.0/16 via 192.168.10.254 dev eth0 proto bird';
const announcement = Update.make([], { origin: 0, asPath: [{ type: 2, ases: [65001] }], nextHop: PEER }, [
  { prefix: Prefix.from('10.9.0.0/16'), pathId: 0 },
]);

t('a real peer that connects: routes both ways, and a NOTIFICATION ends it', async () => {
  const attached = await Attached.start();
  try {
    const { host, port } = attached.attachment.listening!;
    const peer = new RawPeer(dial({ host, port }));
    peer.open();
    peer.say(announcement, Update.endOfRib());
    await until('the route is in the kernel', async () => (await attached.routes()).includes(ROUTE));
    await until('four blocks are announced', () => {
      const updates = peer.heard.filter(m => m.kind === 'update');
      return updates.flatMap(m => m.reachable).length === 4;
    });
    assert.is(peer.heard[0]!.kind, 'open');
    peer.say({ kind: 'notification', code: 6, subcode: 2, data: new Uint8Array(0) });
    await until('the route is gone', async () => !(await attached.routes()).includes(ROUTE));
    assert.match(await attached.state(), /Received: Administrative shutdown/);
    await until('the connection is closed', () => peer.closed);
  } finally {
    await attached.close();
  }
});

t('a real peer that is dialled; when it vanishes, the node dials again', async () => {
  const peers: RawPeer[] = [];
  const server = createServer(socket => peers.push(new RawPeer(socket)));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const attached = await Attached.start((server.address() as { port: number }).port);
  try {
    for (const attempt of [0, 1]) {
      await until('it dials', () => peers.length > attempt);
      peers[attempt]!.open();
      await until('Established', async () => (await attached.state()).startsWith('Established'));
      peers[attempt]!.end();
      await until('missed', async () => !(await attached.state()).startsWith('Established'));
    }
  } finally {
    await attached.close();
    server.close();
  }
});

t('the emulated machine of that address is refused, all other sessions go on', async () => {
  const attached = await Attached.start();
  try {
    const ask = (): Promise<MachineStatus[]> =>
      attached.lab.controller.askAll(['k8s-rtr', 'k8s-w1'], { do: 'status' });
    const [router, node] = await attached.attachment.time.ask(ask);
    assert.ok(router!.sessions.every(s => s.state !== 'Established'));
    assert.is(node!.sessions.filter(s => s.state === 'Established').length, 3);
  } finally {
    await attached.close();
  }
});

t('a lab that has begun is not attached to', async () => {
  const lab = await Lab.load(fromRoot('test/fixtures/interop/external.yaml'), { workers: 0 });
  await lab.run({ for: '1ms' });
  try {
    await Attachment.begin(lab.controller, { machine: 'k8s-w1', peer: PEER });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /has begun/);
  } finally {
    await lab.close();
  }
});

// The command.

const MAIN = fromRoot('build/src/cli/main.js');
const FILE = fromRoot('test/fixtures/interop/external.yaml');
const WORDS = ['attach', 'a.yaml', 'k8s-w1', '--peer', '192.168.10.254'];

t('reads its words', () => {
  const line = parseCommandLine([...WORDS, '--connect', '127.0.0.2:179', '--source=127.0.0.3']);
  const args = {
    path: 'a.yaml',
    node: 'k8s-w1',
    peer: '192.168.10.254',
    listen: undefined,
    connect: '127.0.0.2:179',
    source: '127.0.0.3',
    seed: undefined,
  };
  assert.equal(line, { name: 'attach', args });
});

for (const [words, message] of [
  [['attach', 'a.yaml', 'k8s-w1'], /--peer is missing/],
  [WORDS, /where is the real peer\? give --connect, --listen or both/],
  [['attach', 'a.yaml'], /is missing/],
] as const)
  t(`refuses ${words.join(' ')}`, () => {
    assert.throws(() => parseCommandLine(words), message);
  });

for (const [words, message] of [
  [
    ['k8s-w1', '--peer', '192.168.10.254', '--connect', '10.0.0.1:179'],
    '--connect: 10.0.0.1 is not on loopback',
  ],
  [['k8s-w1', '--peer', 'tor', '--connect', '127.0.0.1:179'], '--peer: expected an IPv4 address, got "tor"'],
  [['k8s-w9', '--peer', '192.168.10.254', '--listen', '127.0.0.1:0'], 'there is no machine "k8s-w9"'],
  [
    ['k8s-w1', '--peer', '192.168.10.1', '--listen', '127.0.0.1:0'],
    'k8s-w1 has no BGP peer 192.168.10.1; it has: 192.168.10.10 (Mesh_192_168_10_10)',
  ],
] as const)
  t(`exits 2 after ${words.join(' ')}`, () => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'attach', FILE, ...words], {
      encoding: 'utf8',
    });
    assert.is(status, 2, stderr);
    assert.ok(stderr.includes(message), stderr);
  });

t('says what becomes of the session, until Ctrl-C', async () => {
  const words = ['attach', FILE, 'k8s-w1', '--peer', '192.168.10.254', '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited = new Promise(resolve => child.once('exit', resolve));
  await until('it listens', () => /waits for it at 127\.0\.0\.1:\d+/.test(said));
  const peer = new RawPeer(dial({ host: '127.0.0.1', port: Number(/127\.0\.0\.1:(\d+)/.exec(said)![1]) }));
  peer.open();
  peer.say(announcement, Update.endOfRib());
  await until('Established is said', () => /Node_192_168_10_254: OpenConfirm → Established/.test(said));
  await until('the route is said', () => said.includes(`route added: ${ROUTE}`));
  child.kill('SIGINT');
  assert.is(await exited, 130);
  await until('the connection ends', () => peer.closed);
});

t.run();
