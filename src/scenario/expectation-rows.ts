/** One expectation of a file, resolved: names are machines and pods that exist, and its words fit together. */
import * as Ipv4 from '../addr/ipv4.ts';
import * as Prefix from '../addr/prefix.ts';
import { packetFilter } from '../trace/packet-filter.ts';
import { FilterError } from '../wire/filter.ts';
import type { Path } from './document.ts';
import type { EndpointPair, RawExpectation } from './expectation-schema.ts';
import type { Faults } from './faults.ts';
import type { KnownNames } from './known-names.ts';
import { type Expectation, LAWS } from './types.ts';

/** The raw form of the kind whose keyword is `K`. */
type Raw<K extends string> = Extract<RawExpectation, Record<K, unknown>>;
/** What all kinds have in common. */
type Base = Pick<Expectation, 'text' | 'position' | 'withinNs' | 'forNs' | 'neverNs'>;
/** What `reachable`, `unreachable` and `path` have in common. */
type RawProbe = Omit<Raw<'reachable'>, 'reachable' | 'via'>;

export class ExpectationRows {
  readonly #names: KnownNames;
  readonly #faults: Faults;
  /** Names of snapshots: by earlier steps, and by any. */
  readonly #taken = new Set<string>();
  readonly #ever: ReadonlySet<string>;

  constructor(names: KnownNames, snapshots: Iterable<string>, faults: Faults) {
    this.#names = names;
    this.#faults = faults;
    this.#ever = new Set(snapshots);
  }

  /** A step has kept the tables as `name`. */
  snapshotTaken(name: string): void {
    this.#taken.add(name);
  }

  /** One row for each kind of the vocabulary. */
  resolve(raw: RawExpectation, path: Path): Expectation {
    const base = this.#base(raw, path);
    if ('converged' in raw) return { kind: 'converged', ...base };
    if ('reachable' in raw) {
      const probe = this.#probe(raw, raw.reachable, 'reachable', path);
      return { kind: 'reachable', ...base, ...probe, via: raw.via };
    }
    if ('unreachable' in raw) return this.#unreachable(raw, base, path);
    if ('path' in raw) return this.#path(raw, base, path);
    if ('outage' in raw) {
      const { from, to } = this.#oneWay(raw.outage, 'an outage', [...path, 'outage']);
      return { kind: 'outage', ...base, from, to, maxNs: raw.max };
    }
    if ('route' in raw || 'noRoute' in raw) return this.#route(raw, base, path);
    if ('bgp' in raw) {
      this.#names.machine(raw.on, ['node', 'router'], [...path, 'on']);
      const peer = this.#names.peer(raw.peer, raw.on, [...path, 'peer']);
      return { kind: 'bgp', ...base, state: raw.bgp, on: raw.on, peer };
    }
    if ('mtu' in raw)
      return { kind: 'mtu', ...base, on: this.#on(raw.on, path), dev: raw.dev, value: raw.mtu };
    if ('ipam' in raw) return this.#ipam(raw, base, path);
    if ('drops' in raw) return this.#drops(raw, base, path);
    if ('neigh' in raw) return this.#neighbour(raw, base, path);
    if ('fdb' in raw) return this.#fdb(raw, base, path);
    if ('capture' in raw) return this.#capture(raw, base, path);
    if ('throughput' in raw) return this.#throughput(raw, base, path);
    if ('noChange' in raw) return this.#noChange(raw, base, path);
    if ('invariant' in raw) {
      const laws = raw.invariant === 'all' ? LAWS : [raw.invariant].flat();
      return { kind: 'invariant', ...base, laws };
    }
    return this.#output(raw, base, path);
  }

  #base(raw: RawExpectation, path: Path): Base {
    const { within, for: duration } = raw;
    const never = 'never' in raw ? raw.never : undefined;
    if (never !== undefined && (within !== undefined || duration !== undefined)) {
      const other = within === undefined ? 'for' : 'within';
      this.#faults.at([...path, 'never'], 'SCENARIO_WRONG_VALUE', `never stands alone: leave out ${other}`);
    }
    const text = this.#faults.document.textOf(path);
    const position = this.#faults.position(path);
    return { text, position, withinNs: within, forNs: duration, neverNs: never };
  }

  #on(written: string, path: Path) {
    return this.#names.endpoint(written, [...path, 'on']);
  }

  #unreachable(raw: Raw<'unreachable'>, base: Base, path: Path): Expectation {
    const { reason, at } = raw;
    if (at !== undefined) this.#names.machine(at, ['node', 'router', 'host'], [...path, 'at']);
    const probe = this.#probe(raw, raw.unreachable, 'unreachable', path);
    return { kind: 'unreachable', ...base, ...probe, reason, place: at };
  }

  #path(raw: Raw<'path'>, base: Base, path: Path): Expectation {
    for (const [i, hop] of raw.hops.entries())
      this.#names.machine(hop, ['node', 'router', 'host'], [...path, 'hops', i]);
    return { kind: 'path', ...base, ...this.#probe(raw, raw.path, 'path', path), hops: raw.hops };
  }

  #probe(raw: RawProbe, pair: EndpointPair, keyword: string, path: Path) {
    const { proto, port, df, size } = raw;
    if (proto === 'icmp' && port !== undefined) {
      this.#faults.at([...path, 'port'], 'SCENARIO_WRONG_VALUE', 'icmp has no ports: say proto tcp or udp');
    }
    if (proto !== 'icmp' && port === undefined) {
      this.#faults.at(path, 'SCENARIO_MISSING_KEY', `missing key "port": ${proto} needs one`);
    }
    const from = this.#names.endpoint(pair.from, [...path, keyword]);
    const to = this.#names.endpoint(pair.to, [...path, keyword]);
    const symmetric = pair.symmetric || raw.symmetric === true;
    return { from, to, symmetric, proto, port, sizeBytes: size, df };
  }

  /** `what` is measured in one direction. */
  #oneWay({ from, to, symmetric }: EndpointPair, what: string, path: Path) {
    if (symmetric) this.#faults.at(path, 'SCENARIO_WRONG_VALUE', `${what} has one direction: say ->`);
    return { from: this.#names.endpoint(from, path), to: this.#names.endpoint(to, path) };
  }

  #route(raw: Raw<'route'> | Raw<'noRoute'>, base: Base, path: Path): Expectation {
    const kind = 'route' in raw ? 'route' : 'noRoute';
    const prefix = 'route' in raw ? raw.route : raw.noRoute;
    const { via, dev, proto, onlink, type, metric } = raw;
    if (!Prefix.isMasked(prefix)) {
      const masked = Prefix.format(Prefix.network(prefix.address, prefix.length));
      const message = `${Prefix.format(prefix)} has host bits set, did you mean "${masked}"?`;
      this.#faults.at([...path, kind], 'SCENARIO_WRONG_VALUE', message);
    }
    return { kind, ...base, prefix, on: this.#on(raw.on, path), via, dev, proto, onlink, type, metric };
  }

  #drops(raw: Raw<'drops'>, base: Base, path: Path): Expectation {
    const { drops, on } = raw;
    if (on !== undefined) this.#names.machine(on, ['node', 'router', 'host'], [...path, 'on']);
    return { kind: 'drops', ...base, reason: drops, on };
  }

  #ipam(raw: Raw<'ipam'>, base: Base, path: Path): Expectation {
    const { address, block } = raw;
    if (address === undefined && block === undefined)
      this.#faults.at(path, 'SCENARIO_MISSING_KEY', 'expected address or block');
    return { kind: 'ipam', ...base, of: this.#names.endpoint(raw.ipam, [...path, 'ipam']), address, block };
  }

  #neighbour(raw: Raw<'neigh'>, base: Base, path: Path): Expectation {
    const { neigh: address, dev, lladdr: mac, state } = raw;
    if (state === 'none' && mac !== undefined)
      this.#faults.at(
        [...path, 'lladdr'],
        'SCENARIO_WRONG_VALUE',
        'state none is no entry: it has no lladdr',
      );
    return { kind: 'neigh', ...base, on: this.#on(raw.on, path), address, dev, mac, state };
  }

  #fdb(raw: Raw<'fdb'>, base: Base, path: Path): Expectation {
    const { dev, dst } = raw;
    const mac = 'mac' in raw.fdb ? raw.fdb.mac : undefined;
    const named = 'destination' in raw.fdb ? raw.fdb.destination : undefined;
    if (named !== undefined && dst !== undefined && named !== dst) {
      const message = `${Ipv4.format(dst)} and ${Ipv4.format(named)} cannot both be where it leads to`;
      this.#faults.at([...path, 'dst'], 'SCENARIO_WRONG_VALUE', message);
    }
    return { kind: 'fdb', ...base, on: this.#on(raw.on, path), dev, mac, destination: named ?? dst };
  }

  #capture(raw: Raw<'capture'>, base: Base, path: Path): Expectation {
    const { capture: filter, dev, direction, count, atLeast, atMost } = raw;
    const at = [...path, 'capture'];
    try {
      packetFilter(filter, name => (this.#names.isHost(name) ? Ipv4.ANY : undefined));
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.#faults.at(at, 'SCENARIO_WRONG_VALUE', error.message);
    }
    if (count === undefined && atLeast === undefined && atMost === undefined)
      this.#faults.at(path, 'SCENARIO_MISSING_KEY', 'expected count, atLeast or atMost');
    if (count !== undefined && (atLeast ?? atMost) !== undefined)
      this.#faults.at([...path, 'count'], 'SCENARIO_WRONG_VALUE', 'count says both atLeast and atMost');
    const [least, most] = count === undefined ? [atLeast ?? 0, atMost] : [count, count];
    if (most !== undefined && least > most)
      this.#faults.at(path, 'SCENARIO_WRONG_VALUE', `no number is at least ${least} and at most ${most}`);
    return { kind: 'capture', ...base, filter, on: this.#on(raw.on, path), dev, direction, least, most };
  }

  #throughput(raw: Raw<'throughput'>, base: Base, path: Path): Expectation {
    const { atLeast: least, atMost: most, duration: durationNs } = raw;
    if (least === undefined && most === undefined)
      this.#faults.at(path, 'SCENARIO_MISSING_KEY', 'expected atLeast or atMost');
    if (durationNs < 1e6 || durationNs > 3600e9)
      this.#faults.at([...path, 'duration'], 'SCENARIO_WRONG_VALUE', 'expected a time from 1ms to 1h');
    const inShares = [least, most].some(amount => amount?.unit === 'share');
    if (raw.of !== undefined && !inShares)
      this.#faults.at([...path, 'of'], 'SCENARIO_WRONG_VALUE', 'a rate is not a share of another flow');
    const flow = this.#oneWay(raw.throughput, 'a throughput', [...path, 'throughput']);
    const of = raw.of && this.#oneWay(raw.of, 'a throughput', [...path, 'of']);
    return { kind: 'throughput', ...base, ...flow, of, least, most, durationNs };
  }

  #noChange(raw: Raw<'noChange'>, base: Base, path: Path): Expectation {
    const { noChange: snapshot } = raw;
    if (this.#ever.has(snapshot) && !this.#taken.has(snapshot)) {
      const message = `no earlier step takes the snapshot "${snapshot}"`;
      this.#faults.at([...path, 'noChange'], 'SCENARIO_WRONG_VALUE', message);
    }
    return { kind: 'noChange', ...base, snapshot, of: [raw.of].flat() };
  }

  #output(raw: Raw<'output'>, base: Base, path: Path): Expectation {
    const { contains, equals, exitCode } = raw.output;
    if (contains === undefined && equals === undefined && exitCode === undefined)
      this.#faults.at([...path, 'output'], 'SCENARIO_MISSING_KEY', 'expected contains, equals or exitCode');
    const list = contains === undefined ? [] : [contains].flat();
    return { kind: 'output', ...base, contains: list, equals, exitCode };
  }
}
