import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Prefix from '../../src/addr/prefix.ts';
import type { WallClock } from '../../src/bgp/show.ts';
import * as Show from '../../src/bgp/show.ts';
import type { Speaker } from '../../src/bgp/speaker.ts';
import * as Header from '../../src/wire/bgp/header.ts';
import { assert, fixture, suite } from '../kit.ts';
import { at, Lab, MODES, type Mode, NODES, recorded } from './lab.ts';

const t = suite('bgp/recorded-mesh');

const CLOCK: WallClock = { time: () => 'TT:TT:TT', dateTime: () => 'TT:TT:TT' };

const labs = new Map<Mode, Lab>();
const converged = (mode: Mode): Lab => {
  let lab = labs.get(mode);
  if (lab === undefined) {
    lab = new Lab(mode).start();
    lab.net.pass(8);
    labs.set(mode, lab);
  }
  return lab;
};

const trimmed = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => line.trimEnd());

for (const mode of MODES)
  for (const { name } of NODES) {
    t(`${mode}: ${name} has the recorded ip route`, () => {
      assert.equal(converged(mode).at(name).kernel.list(), trimmed(recorded(mode, name, 'route')));
    });

    t(`${mode}: ${name} prints the recorded birdcl show route`, () => {
      assert.is(Show.routes(converged(mode).at(name).speaker, {}, CLOCK), recorded(mode, name, 'bird-route'));
    });

    t(`${mode}: ${name} prints the recorded birdcl show route all`, () => {
      const text = Show.routes(converged(mode).at(name).speaker, { all: true }, CLOCK);
      assert.is(text, recorded(mode, name, 'bird-route-all'));
    });
  }

for (const { name } of NODES)
  t(`${name} prints the recorded birdcl show protocols`, () => {
    const text = Show.protocols(converged('ipip-always').at(name).speaker, {}, CLOCK);
    assert.is(text, recorded('ipip-always', name, 'bird-protocols'));
  });

t(
  'k8s-w1 prints the recorded birdcl show protocols all, counters too; what timers show is a matter of the moment',
  () => {
    const text = Show.protocols(converged('ipip-always').at('k8s-w1').speaker, { all: true }, CLOCK);
    const timeless = text.replace(/(timer: +)\d+\//g, '$1N/').trimEnd();
    assert.is(timeless, recorded('ipip-always', 'k8s-w1', 'bird-protocols-all').trimEnd());
  },
);

t('all sessions converge within 5 s', () => {
  for (const mode of MODES) {
    const lab = new Lab(mode).start();
    assert.not.ok(lab.converged());
    lab.net.pass(5);
    assert.ok(lab.converged(), mode);
  }
});

for (const [what, text, pattern] of [
  [
    'status',
    (w1: Speaker) => Show.status(w1),
    /ready\.\nBIRD v0\.3\.3\+birdv1\.6\.8\nRouter ID is 192\.168\.10\.101\n/,
  ],
  [
    'route for an address',
    (w1: Speaker) => Show.routes(w1, { for: Ipv4.from('172.16.34.9') }),
    /ready\.\n172\.16\.34\.0\/26 {5}via 192\.168\.10\.254 on eth0 \[.*\n$/,
  ],
  [
    'route of a protocol',
    (w1: Speaker) => Show.routes(w1, { protocol: 'static1' }),
    /ready\.\n172\.16\.158\.0\/26 {4}blackhole \[static1 .*\n$/,
  ],
  [
    'route count',
    (w1: Speaker) => Show.routes(w1, { count: true }),
    /ready\.\n8 of 8 routes for 8 networks\n$/,
  ],
  [
    'route for a prefix that is not there',
    (w1: Speaker) => Show.routes(w1, { prefix: Prefix.from('10.0.0.0/8') }),
    /Network not in table/,
  ],
  [
    'protocols all of one name',
    (w1: Speaker) => Show.protocols(w1, { all: true, fits: name => name === 'kernel1' }),
    /info\nkernel1 [\s\S]*Output filter: {2}calico_kernel_programming/,
  ],
] as const)
  t(`prints show ${what}`, () => {
    assert.match(text(converged('ipip-always').at('k8s-w1').speaker), pattern);
  });

/** The messages of one direction of a recorded session, as hex. */
const recordedMessages = (session: string, sender: string): string[] =>
  fixture('bgp/recorded-messages.txt')
    .toString()
    .split('\n')
    .filter(line => line.startsWith(`${session} ${sender} `))
    .map(line => line.split(' ')[2]!);

for (const mode of MODES)
  for (const [session, a, b] of [
    ['calico-bird-m-w1', 'k8s-m', 'k8s-w1'],
    ['calico-bird-w1-w0', 'k8s-w1', 'k8s-w0'],
  ] as const)
    t(`${mode}: the session ${session} carries the recorded messages, byte by byte`, () => {
      const lab = converged(mode);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const sent = lab.net.wire
          .filter(w => w.from === at(from) && w.to === at(to))
          .map(w => `0${Header.type(w.bytes)}${Buffer.from(w.bytes).toString('hex', 19)}`);
        const sender = NODES.find(n => n.name === from)!.address;
        assert.equal(sent, recordedMessages(`${mode}/${session}`, sender));
      }
    });

t.run();
