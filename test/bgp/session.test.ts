import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { PeerConfig } from '../../src/bgp/config.ts';
import { type BgpEvent, BgpState, Fsm, type FsmOutputs } from '../../src/bgp/fsm.ts';
import type { SpeakerEvent } from '../../src/bgp/ports.ts';
import { Session, type SessionOwner } from '../../src/bgp/session.ts';
import { WireError } from '../../src/wire/bgp/error.ts';
import * as Notification from '../../src/wire/bgp/notification.ts';
import type { OpenMessage } from '../../src/wire/bgp/open.ts';
import * as Update from '../../src/wire/bgp/update.ts';
import { assert, suite } from '../kit.ts';
import { FakeKernel, Net, portsOf } from './net.ts';

const t = suite('bgp/session');

// The machine: inputs -> outputs.

const OPEN: OpenMessage = {
  kind: 'open',
  version: 4,
  myAs: 1,
  holdTimeSec: 240,
  identifier: 1,
  capabilities: [],
};

const start: BgpEvent = { kind: 'AutomaticStart_with_PassiveTcpEstablishment', connectRetrySec: 2 };
const acked: BgpEvent = { kind: 'Tcp_CR_Acked' };
const retry: BgpEvent = { kind: 'ConnectRetryTimer_Expires' };
const opened: BgpEvent = { kind: 'BGPOpen', open: OPEN, holdTimeSec: 90 };
const keepalive: BgpEvent = { kind: 'KeepAliveMsg' };
const update: BgpEvent = { kind: 'UpdateMsg', update: Update.endOfRib() };
const hold: BgpEvent = { kind: 'HoldTimer_Expires' };
const keepaliveTimer: BgpEvent = { kind: 'KeepaliveTimer_Expires' };
const failed: BgpEvent = { kind: 'TcpConnectionFails', reason: 'Connection refused' };
const stop: BgpEvent = { kind: 'ManualStop', cease: 2 };
const collision: BgpEvent = { kind: 'OpenCollisionDump' };
const told: BgpEvent = { kind: 'NotifMsg', notification: Notification.make(6, 2) };
const headerErr: BgpEvent = { kind: 'BGPHeaderErr', error: new WireError(1, 1, 0) };
const updateErr: BgpEvent = { kind: 'UpdateMsgErr', error: new WireError(3, 1, 0) };

/** The path to each state. */
const TO = {
  Idle: [],
  Active: [start],
  Connect: [start, retry],
  OpenSent: [start, acked],
  OpenConfirm: [start, acked, opened],
  Established: [start, acked, opened, keepalive],
} as const;

function machine(log: string[]): Fsm {
  const outputs: FsmOutputs = {
    entered: (_from, to) => log.push(to),
    connect: () => log.push('connect'),
    close: () => log.push('close'),
    send: m => log.push(m.kind === 'notification' ? `notify ${m.code}/${m.subcode}` : `send ${m.kind}`),
    setTimer: (timer, seconds) => log.push(seconds === 0 ? `stop ${timer}` : `${timer}=${seconds}`),
    deliver: () => log.push('deliver'),
  };
  return new Fsm({ open: () => OPEN, connectRetryTimeSec: 5, initialHoldTimeSec: 240 }, outputs);
}

const END = 'close, stop ConnectRetry, stop Hold, stop Keepalive, Idle';

for (const [state, event, outputs] of [
  ['Idle', start, 'ConnectRetry=2, Active'],
  ['Idle', acked, ''],
  ['Idle', keepalive, ''],
  ['Idle', stop, ''],
  ['Active', retry, 'ConnectRetry=5, Connect, connect'],
  ['Active', { kind: 'TcpConnectionConfirmed' }, 'stop ConnectRetry, send open, Hold=240, OpenSent'],
  ['Active', stop, END],
  ['Active', keepalive, END],
  ['Connect', retry, 'close, ConnectRetry=5, Connect, connect'],
  ['Connect', acked, 'stop ConnectRetry, send open, Hold=240, OpenSent'],
  ['Connect', failed, END],
  ['Connect', stop, END],
  ['OpenSent', opened, 'send keepalive, Keepalive=30, Hold=90, OpenConfirm'],
  ['OpenSent', { ...opened, holdTimeSec: 0 }, 'send keepalive, stop Keepalive, stop Hold, OpenConfirm'],
  ['OpenSent', keepalive, `notify 5/1, ${END}`],
  ['OpenSent', update, `notify 5/1, ${END}`],
  ['OpenSent', hold, `notify 4/0, ${END}`],
  ['OpenSent', failed, END],
  ['OpenSent', headerErr, `notify 1/1, ${END}`],
  ['OpenSent', { kind: 'BGPOpenMsgErr', error: new WireError(2, 2, 0) }, `notify 2/2, ${END}`],
  ['OpenSent', { kind: 'NotifMsgVerErr' }, END],
  ['OpenSent', collision, `notify 6/7, ${END}`],
  ['OpenConfirm', keepalive, 'Hold=90, Established'],
  ['OpenConfirm', keepaliveTimer, 'send keepalive, Keepalive=30'],
  ['OpenConfirm', update, `notify 5/2, ${END}`],
  ['OpenConfirm', opened, `notify 5/2, ${END}`],
  ['OpenConfirm', told, END],
  ['OpenConfirm', collision, `notify 6/7, ${END}`],
  ['Established', keepalive, 'Hold=90'],
  ['Established', keepaliveTimer, 'send keepalive, Keepalive=30'],
  ['Established', update, 'Hold=90, deliver'],
  ['Established', updateErr, `notify 3/1, ${END}`],
  ['Established', opened, `notify 5/3, ${END}`],
  ['Established', hold, `notify 4/0, ${END}`],
  ['Established', failed, END],
  ['Established', told, END],
  ['Established', stop, `notify 6/2, ${END}`],
] as const)
  t(`${state} + ${event.kind} -> ${outputs === '' ? 'nothing' : outputs}`, () => {
    const log: string[] = [];
    const fsm = machine(log);
    for (const before of TO[state]) fsm.handle(before);
    assert.is(fsm.state, state);
    log.length = 0;
    fsm.handle(event);
    assert.is(log.join(', '), outputs);
  });

// Two sessions over streams.

const A = Ipv4.from('192.168.10.10');
const B = Ipv4.from('192.168.10.101');

interface Side {
  readonly session: Session;
  readonly events: SpeakerEvent[];
  readonly log: string[];
  /** `state at seconds`, of each change. */
  readonly states: string[];
}

function side(
  net: Net,
  local: number,
  remote: number,
  more: Partial<PeerConfig> = {},
  recovering = false,
): Side {
  const events: SpeakerEvent[] = [];
  const log: string[] = [];
  const states: string[] = [];
  const ports = portsOf(net, local, new FakeKernel([], []), events);
  const owner: SessionOwner = {
    ports: {
      ...ports,
      report: event => {
        events.push(event);
        if (event.kind === 'session') states.push(`${event.to}@${(net.clock.now / 1e9).toFixed(3)}`);
      },
    },
    routerId: local,
    localAs: 64512,
    recovering,
    identified: () => undefined,
    up: s => {
      log.push('up');
      s.sendEndOfRib();
    },
    updated: () => log.push('update'),
    endOfRib: () => log.push('end-of-rib'),
    refreshed: (_s, m) => log.push(`refresh ${m.subtype}`),
    stale: () => log.push('stale'),
    sweep: () => log.push('sweep'),
    down: () => log.push('down'),
    changed: () => undefined,
  };
  const session = new Session(
    {
      name: `to_${Ipv4.format(remote)}`,
      remoteAddress: remote,
      remoteAs: 64512,
      sourceAddress: local,
      ...more,
    },
    owner,
  );
  ports.streams.listen(179, stream => session.accept(stream));
  return { session, events, log, states };
}

/** The mesh's rule: the lower address is passive. */
function pair(more: Partial<PeerConfig> = {}, recovering = false): { net: Net; a: Side; b: Side } {
  const net = new Net();
  const a = side(net, A, B, { passive: true, ...more }, recovering);
  const b = side(net, B, A, more, recovering);
  a.session.start();
  b.session.start();
  return { net, a, b };
}

t('the active side connects after 2 s, and both are up two round trips later', () => {
  const { net, a, b } = pair();
  net.pass(1.9);
  assert.is(a.session.stateName, 'Passive');
  assert.is(b.session.stateName, 'Active');
  net.pass(0.2);
  assert.equal(a.states, ['Active@2.001', 'OpenSent@2.001', 'OpenConfirm@2.003', 'Established@2.003']);
  assert.equal(b.states, [
    'Active@0.000',
    'Connect@2.000',
    'OpenSent@2.002',
    'OpenConfirm@2.002',
    'Established@2.004',
  ]);
  assert.equal(
    [a.log, b.log],
    [
      ['up', 'end-of-rib'],
      ['up', 'end-of-rib'],
    ],
  );
  assert.is(a.session.current!.fsm.holdTimeSec, 240);
  assert.is(a.session.current!.fsm.keepaliveTimeSec, 80);
});

t('of two hold times the smaller one counts, on both sides (RFC 4271 §4.2)', () => {
  const net = new Net();
  const a = side(net, A, B, { passive: true, holdTimeSec: 30 });
  const b = side(net, B, A, { holdTimeSec: 90 });
  a.session.start();
  b.session.start();
  net.pass(3);
  for (const { session } of [a, b]) {
    const { holdTimeSec, keepaliveTimeSec } = session.current!.fsm;
    assert.equal([holdTimeSec, keepaliveTimeSec], [30, 10]);
  }
});

t('keepalives hold the session for an hour; BIRD’s jitter makes one every 60 to 80 s', () => {
  const { net, a, b } = pair();
  net.pass(3);
  const before = net.wire.length;
  net.pass(3600);
  assert.ok(a.session.established && b.session.established);
  const sent = (net.wire.length - before) / 2;
  assert.ok(sent >= 45 && sent <= 60, `${sent} keepalives a side`);
});

t('silence kills both sides between 180 and 240 s later, and they wait before they try again', () => {
  const { net, a, b } = pair();
  net.pass(3);
  net.cut(A, B);
  net.pass(177);
  assert.ok(a.session.established && b.session.established);
  net.pass(65);
  assert.not.ok(a.session.established || b.session.established);
  assert.is(a.log.at(-1), 'down');
  assert.is(b.session.lastError, 'BGP Error: Hold timer expired');
  assert.is(b.session.errorWait.seconds, 5);
  net.heal(A, B);
  net.pass(30);
  assert.ok(a.session.established && b.session.established);
});

t('a reset is seen at once; routes stay for the peer’s graceful restart and it comes back', () => {
  const { net, a, b } = pair({}, true);
  net.pass(3);
  net.reset(A, B);
  assert.equal([a.log.at(-1), b.log.at(-1)], ['stale', 'stale']);
  assert.is(a.session.lastError, 'Socket: Connection reset by peer');
  net.pass(3);
  assert.ok(a.session.established && b.session.established);
  assert.equal(a.log.slice(-3), ['up', 'sweep', 'end-of-rib']);
});

t('a peer that does not come back loses its routes within 120 s', () => {
  const { net, a, b } = pair({}, true);
  net.pass(3);
  net.reset(A, B);
  b.session.kill();
  net.pass(89);
  assert.is(a.log.at(-1), 'stale');
  net.pass(32);
  assert.is(a.log.at(-1), 'down');
});

t('without graceful restart a reset is the end of the routes', () => {
  const { net, a, b } = pair({ gracefulRestart: false });
  net.pass(3);
  net.reset(A, B);
  assert.equal([a.log.at(-1), b.log.at(-1)], ['down', 'down']);
});

t('two active sides collide and keep the connection of the higher identifier', () => {
  const net = new Net();
  const [a, b] = [side(net, A, B), side(net, B, A)];
  a.session.start();
  b.session.start();
  net.pass(2.1);
  assert.ok(a.session.established && b.session.established);
  assert.is(b.session.current!.role, 'outgoing');
  assert.is(a.session.current!.role, 'incoming');
  net.pass(600);
  assert.equal(
    [a.log, b.log],
    [
      ['up', 'end-of-rib'],
      ['up', 'end-of-rib'],
    ],
  );
});

t('a wrong AS number is refused with 2/2, and the wait doubles from 5 to 30 s', () => {
  const net = new Net();
  const a = side(net, A, B, { passive: true, remoteAs: 65001 });
  const b = side(net, B, A);
  a.session.start();
  b.session.start();
  net.pass(2.1);
  assert.is(a.session.lastError, 'BGP Error: Bad peer AS');
  assert.is(b.session.lastError, 'Received: Bad peer AS');
  assert.is(b.session.errorWait.seconds, 5);
  net.pass(120);
  assert.is(b.session.errorWait.seconds, 30);
  assert.not.ok(a.log.includes('up'));
});

t('nobody listens: refused, and tried again every 2 s', () => {
  const net = new Net();
  const b = side(net, B, A);
  b.session.start();
  net.pass(2.1);
  assert.is(b.session.lastError, 'Socket: Connection refused');
  assert.is(b.session.stateName, 'Active');
  net.pass(10);
  assert.is(b.states.filter(s => s.startsWith(BgpState.Connect)).length, 6);
});

t('an administrative shutdown tells the peer why, and the peer does not wait', () => {
  const { net, a, b } = pair();
  net.pass(3);
  a.session.shutdown(2);
  net.pass(0.5);
  assert.is(a.session.stateName, 'Down');
  assert.is(b.session.lastError, 'Received: Administrative shutdown');
  assert.is(b.session.errorWait.seconds, 0);
  assert.equal([a.log.at(-1), b.log.at(-1)], ['down', 'down']);
  net.pass(10);
  assert.is(a.session.stateName, 'Down');
  assert.not.ok(b.session.established);
});

t.run();
