/**
 * The same lesson under other names and addresses: every name of the fabric, of pods and of resources is another, and
 * every prefix is shifted. What a run does must not depend on either, but where the product itself does: the block of a
 * node follows from its name, so each node gets a name whose first block is the same one of its pool.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { startIndex } from '../../src/calico/ipam/walk.ts';
import { applyDefaults } from '../../src/calico/resources/kinds.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import type { Scenario } from '../../src/scenario/types.ts';

/** Replacements of whole words and of the beginnings of addresses; longer ones first. */
export class Metamorphosis {
  readonly #names: ReadonlyMap<string, string>;

  constructor(scenario: Scenario) {
    const { nodes, routers, hosts, subnets } = scenario.fabric;
    const names = new Map<string, string>();
    const pools = scenario.resources.filter(({ kind }) => kind === 'IPPool');
    const specs = pools.map(({ object }) => applyDefaults(object as unknown as IPPool));
    // Order of names is order of processes, which decides ties: it stays.
    const sorted = nodes.map(({ name }) => name).sort((a, b) => (a < b ? -1 : 1));
    sorted.forEach((name, i) => {
      names.set(name, twinOf(name, String(i).padStart(2, '0'), specs));
    });
    const others = [
      ...routers.filter(router => !router.implied).map(({ name }) => name),
      ...hosts.map(({ name }) => name),
      ...subnets.map(({ name }) => name),
      ...scenario.pods.map(({ name }) => name),
      ...scenario.resources.filter(({ kind }) => NAMED_FREELY.has(kind)).map(({ name }) => name),
      ...MADE_DURING_RUNS,
    ];
    [...new Set(others)].forEach((name, i) => {
      if (!names.has(name)) names.set(name, `x${String.fromCharCode(97 + (i % 26))}${i}-${name.length}`);
    });
    for (const { name } of subnets) names.set(`subnet-${name}`, `subnet-${names.get(name)}`);
    this.#names = names;
  }

  text(original: string): string {
    const words = [...this.#names.keys()].sort((a, b) => b.length - a.length).map(escaped);
    const pattern = new RegExp(`(?<![\\w-])(?:${words.join('|')})(?![\\w-]|\\.[a-z])`, 'g');
    const renamed = original.replace(pattern, name => this.#names.get(name)!);
    return renamed.replace(/\b(?:\d{1,3}\.){3}\d{1,3}\b|(?<=_)\d{1,3}(?:_\d{1,3}){3}\b/g, address => {
      const separator = address.includes('_') ? '_' : '.';
      const dotted = address.replaceAll('_', '.');
      const [from, to] = SHIFTS.find(([prefix]) => dotted.startsWith(prefix)) ?? ['', ''];
      return (to + dotted.slice(from.length)).replaceAll('.', separator);
    });
  }

  /** Write the scenario and its resources below `folder`, changed; returns the file. */
  write({ file, resources }: Scenario, folder: string): string {
    const directory = dirname(file);
    for (const path of new Set([file, ...resources.map(resource => resource.file)])) {
      const target = join(folder, path.slice(directory.length + 1));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, this.text(readFileSync(path, 'utf8')));
    }
    return join(folder, basename(file));
  }
}

/** `default-ipv4-ippool` may be called anything; `default` of other kinds may not, nodes are the fabric's. */
const NAMED_FREELY: ReadonlySet<string> = new Set(['IPPool', 'BGPPeer', 'BGPFilter', 'Pod']);
/** What lessons make while they run. */
const MADE_DURING_RUNS = ['late', 'fresh', 'other', 'new-pool', 'data-centre'];

/** Each to one of the same length in dots, and none before another that it was behind: sorted tables stay sorted. */
const SHIFTS: readonly (readonly [from: string, to: string])[] = [
  ['10.0.0.', '10.33.7.'],
  ['10.8.0.', '10.38.1.'],
  ['10.9.', '10.39.'],
  ['10.200.', '10.210.'],
  ['10.240.', '10.250.'],
  ['172.16.', '172.27.'],
  ['192.168.10.', '192.168.110.'],
  ['192.168.20.', '192.168.120.'],
];

/** Another name whose walk through each of the pools begins at the same block. */
function twinOf(name: string, order: string, pools: readonly IPPool[]): string {
  for (let i = 0; ; i++) {
    const candidate = `host-${order}-${i.toString(36)}`;
    if (pools.every(pool => startIndex(pool, candidate, 0) === startIndex(pool, name, 0))) return candidate;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
