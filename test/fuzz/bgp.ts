/** Damaged BGP messages against a live session: by class, where the RFCs name one, and at random. Not a test file. */
import * as Prefix from '../../src/addr/prefix.ts';
import type { Random } from '../../src/sim/random.ts';
import { WireError } from '../../src/wire/bgp/error.ts';
import * as Header from '../../src/wire/bgp/header.ts';
import * as Message from '../../src/wire/bgp/message.ts';
import * as Update from '../../src/wire/bgp/update.ts';
import { joined } from '../../src/wire/octets.ts';
import { assert } from '../kit.ts';
import { BgpTarget, OWN_AS, PEER, PEER_AS } from './bgp-target.ts';
import { MALFORMATIONS, type Malformation, type Treatment } from './malformations.ts';
import { mutated } from './mutator.ts';

/** How often each treatment was met. */
export type Tally = Map<string, number>;

const count = (tally: Tally, what: string): void => void tally.set(what, (tally.get(what) ?? 0) + 1);

const contextOf = (external: boolean): Update.UpdateContext => ({ as4: true, addPath: false, external });
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

function announcement(prefix: Prefix.Prefix, external: boolean): Uint8Array {
  const asPath = external ? [{ type: 2 as const, ases: [PEER_AS] }] : [];
  const attributes = { origin: 0, asPath, nextHop: PEER, ...(!external && { localPref: 100 }) };
  return Message.encode(Update.make([], attributes, [{ prefix, pathId: 0 }]), contextOf(external));
}

const nlriOf = ({ address, length }: Prefix.Prefix): Uint8Array =>
  Uint8Array.of(
    length,
    ...[24, 16, 8, 0].map(shift => (address >>> shift) & 255).slice(0, (length + 7) >>> 3),
  );

/** A session that is used until it ends. */
class Sessions {
  #targets = new Map<boolean, BgpTarget>();

  get(external: boolean): BgpTarget {
    let target = this.#targets.get(external);
    if (target === undefined || !target.established) {
      target = new BgpTarget(external);
      this.#targets.set(external, target);
    }
    return target;
  }

  forget(external: boolean): void {
    this.#targets.delete(external);
  }
}

/** One message of each class after the other, `rounds` times, in random detail. Throws at the first wrong treatment. */
export function fuzzClasses(
  random: Random,
  rounds: number,
  tally: Tally = new Map(),
  classes: readonly Malformation[] = MALFORMATIONS,
): Tally {
  const sessions = new Sessions();
  for (let round = 0; round < rounds; round++) {
    for (const malformation of classes) {
      const external = random.below(2) === 1;
      const treatment = treat(malformation, random, sessions.get(external), external);
      count(tally, treatment.includes('/') ? 'session-reset' : treatment);
    }
  }
  return tally;
}

function treat(malformation: Malformation, random: Random, target: BgpTarget, external: boolean): Treatment {
  const prefix = Prefix.network(random.next(), 8 + random.below(25));
  target.feed(announcement(prefix, external));
  assert.ok(target.route(prefix) !== undefined, 'a sound announcement is taken');
  const wire = malformation.make(random, nlriOf(prefix), external);
  const expected = external ? malformation.external : malformation.internal;
  const what = `${malformation.name}, ${external ? 'external' : 'internal'}: ${hex(wire)}`;
  target.feed(wire, random.below(wire.length + 1));
  if (expected.includes('/')) {
    assert.not.ok(target.established, `the session ends: ${what}`);
    assert.ok(target.closed, `the connection is closed: ${what}`);
    const { code, subcode } = target.notification ?? { code: 0, subcode: 0 };
    assert.is(`${code}/${subcode}`, expected, what);
  } else {
    assert.ok(target.established, `the session survives: ${what}`);
    assert.is(target.notification, undefined, what);
    assert.is(target.route(prefix) !== undefined, expected !== 'treat-as-withdraw', `the route: ${what}`);
  }
  if (expected === 'attribute-discard') {
    const { attributes } = target.route(prefix)!;
    assert.is(attributes!.atomicAggregate, undefined, what);
    assert.is(attributes!.aggregator, undefined, what);
    assert.is(attributes!.originatorId, undefined, what);
    assert.is(attributes!.clusterList, undefined, what);
    assert.is(attributes!.localPref, 100, what);
  }
  return expected;
}

/** `many` damaged messages made of `seeds`: nothing is thrown, and the session does what the message deserves. */
export function fuzzMessages(
  random: Random,
  seeds: readonly Uint8Array[],
  many: number,
  tally: Tally = new Map(),
): Tally {
  const sessions = new Sessions();
  const any = (): Uint8Array => seeds[random.below(seeds.length)]!;
  for (let i = 0; i < many; i++) {
    const external = random.below(2) === 1;
    const wire = framed(random, mutated(random, any(), any()));
    const target = sessions.get(external);
    const [verdict, messages] = judge(wire, target.context);
    count(tally, verdict);
    try {
      target.feed(wire, random.below(wire.length + 1));
      check(target, verdict, messages);
    } catch (error) {
      throw new Error(`message ${i} (${external ? 'external' : 'internal'}): ${hex(wire)}`, { cause: error });
    }
    // A message that is not complete would swallow the next one.
    if (verdict === 'incomplete') sessions.forget(external);
  }
  return tally;
}

/** Mostly the length says how long the message is: else hardly anything would come behind the header. */
function framed(random: Random, wire: Uint8Array): Uint8Array {
  if (random.below(8) === 0 || wire.length < 19) return wire;
  const out = wire.slice();
  out.fill(0xff, 0, 16);
  out[16] = out.length >> 8;
  out[17] = out.length & 255;
  return out;
}

type Verdict = 'survives' | 'incomplete' | 'ends' | `${number}/${number}`;

/** What the octets are worth to a session in Established. */
function judge(wire: Uint8Array, context: Update.UpdateContext): [Verdict, Message.Message[]] {
  const messages: Message.Message[] = [];
  let at = 0;
  try {
    while (at < wire.length) {
      const length = Header.check(wire, at);
      if (length === undefined || at + length > wire.length) return ['incomplete', messages];
      const message = Message.decode(wire, at, length, context);
      at += length;
      if (message.kind === 'notification') return ['ends', messages];
      if (message.kind === 'open') return ['5/3', messages];
      messages.push(message);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [`${error.code}/${error.subcode}`, messages];
  }
  return ['survives', messages];
}

function check(target: BgpTarget, verdict: Verdict, messages: readonly Message.Message[]): void {
  const { notification } = target;
  if (verdict === 'survives' || verdict === 'incomplete') {
    assert.ok(target.established, 'the session survives');
    assert.is(notification, undefined);
    const last = messages.at(-1);
    if (last?.kind !== 'update') return;
    const treated = Update.isTreatedAsWithdraw(last);
    for (const { prefix } of last.reachable) {
      const route = target.route(prefix);
      if (treated) assert.is(route, undefined, 'treated as withdrawn');
      else if (isForUs(last, target)) assert.ok(route !== undefined, 'taken');
    }
    return;
  }
  assert.not.ok(target.established, 'the session ends');
  assert.ok(target.closed, 'the connection is closed');
  if (verdict === 'ends') assert.is(notification, undefined);
  else assert.is(`${notification?.code}/${notification?.subcode}`, verdict);
}

/** Not one that has been here before: RFC 4271 §9.1.2 and RFC 4456 §8. */
function isForUs({ attributes }: Update.UpdateMessage, { speaker }: BgpTarget): boolean {
  const path = (attributes.asPath ?? []).flatMap(segment => segment.ases);
  return !path.includes(OWN_AS) && attributes.originatorId !== speaker.routerId;
}

/** Sound messages to begin from: every attribute, several prefixes, and what else a session hears. */
export function soundMessages(recorded: readonly Uint8Array[]): Uint8Array[] {
  const context = contextOf(false);
  const prefixes = ['10.1.0.0/16', '172.16.158.0/26', '192.0.2.1/32', '0.0.0.0/0'].map(Prefix.from);
  const nlri = prefixes.map(prefix => ({ prefix, pathId: 0 }));
  const rich = {
    origin: 2,
    asPath: [
      { type: 2 as const, ases: [PEER_AS, 4_200_000_001] },
      { type: 1 as const, ases: [65_010, 65_011] },
    ],
    nextHop: PEER,
    med: 7,
    localPref: 200,
    atomicAggregate: true as const,
    aggregator: { as: PEER_AS, address: PEER },
    communities: [0xfde9_0064, 0xffff_ff01],
    originatorId: 0x0a00_0001,
    clusterList: [0xf400_0001],
    largeCommunities: [[PEER_AS, 1, 2]] as const,
    unknown: [{ flags: 0xe0, type: 99, value: Uint8Array.of(1, 2, 3) }],
  };
  const messages: Message.Message[] = [
    Update.make([], rich, nlri),
    Update.make(nlri, {}, []),
    Update.make(nlri.slice(0, 2), { origin: 0, asPath: [], nextHop: PEER }, nlri.slice(2)),
    Update.endOfRib(),
    Message.KEEPALIVE,
    { kind: 'route-refresh', afi: 1, subtype: 0, safi: 1 },
    { kind: 'notification', code: 6, subcode: 2, data: new Uint8Array(0) },
  ];
  const sound = messages.map(message => Message.encode(message, context));
  return [...sound, ...recorded, joined([sound[0]!, sound[1]!])];
}

/** The messages of the recordings, of which the tests keep one a line: `session sender hex`. */
export const recordedMessages = (text: string): Uint8Array[] =>
  text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => Buffer.from(line.split(' ')[2]!, 'hex'))
    .map(octets => Header.wrap(octets[0]!, new Uint8Array(octets.subarray(1))));
