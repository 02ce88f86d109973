/** The recordings as they lie in test/fixtures/golden (its README says where they come from). */
import { gunzipSync } from 'node:zlib';
import { fixture } from '../kit.ts';

export const MODES = ['ipip-always', 'ipip-crosssubnet', 'direct-nopeer', 'vxlan-always'] as const;
export type Mode = (typeof MODES)[number];
const TUNNEL: Readonly<Record<Mode, readonly string[]>> = {
  'ipip-always': ['tunl0'],
  'ipip-crosssubnet': ['tunl0'],
  'direct-nopeer': [],
  'vxlan-always': ['vxlan.calico'],
};

/** Where packets were captured; `cali-pod1` is the node's end of pod1's veth. */
export const interfacesOf = (mode: Mode): string[] => [
  'm-eth0',
  'rtr-eth1',
  'rtr-eth2',
  'w0-cali-pod3',
  'w0-eth0',
  ...TUNNEL[mode].map(device => `w0-${device}`),
  'w1-cali-pod1',
  'w1-eth0',
  ...TUNNEL[mode].map(device => `w1-${device}`),
  'w2-cali-pod2',
  'w2-eth0',
];

/** The base probes ran without hooks; natOutgoing alone was there for the others. */
export type Hooks = 'none' | 'masquerade';

export interface RecordedProbe {
  readonly name: string;
  /** `pod1`, `k8s-w1`, … */
  readonly namespace: string;
  /** In seconds, of the recording's clock. */
  readonly start: number;
  readonly end: number;
  readonly command: string;
  /** What it printed, with the exit code in the last line. */
  readonly output: readonly string[];
}

/** Columns as tshark names them; nested headers separated by `|`, outermost first. */
export type PacketRow = Readonly<Record<string, string>>;

const text = (path: string): string => {
  const octets = fixture(`golden/${path}`);
  return (path.endsWith('.gz') ? gunzipSync(octets) : octets).toString('utf8');
};

/** What is read once is kept: the tests of the harness ask many times. */
function kept<A extends unknown[], R>(read: (...key: A) => R): (...key: A) => R {
  const known = new Map<string, R>();
  return (...key) => {
    const id = key.join();
    if (!known.has(id)) known.set(id, read(...key));
    return known.get(id)!;
  };
}

/** Parts that begin with `#### title`. */
const parts = (whole: string): [title: string, body: string][] =>
  whole
    .split(/^#### /m)
    .slice(1)
    .map(part => {
      const end = part.indexOf('\n');
      return [part.slice(0, end), part.slice(end + 1)];
    });

const stem = (mode: Mode, hooks: Hooks): string => (hooks === 'none' ? mode : `${mode}.nat`);

/** Tables by `moment/namespace.table`: `converged/k8s-w1.route`. */
export const states = kept(
  (mode: Mode): ReadonlyMap<string, string> => new Map(parts(text(`${mode}.state.txt.gz`))),
);

export const probes = kept((mode: Mode, hooks: Hooks): readonly RecordedProbe[] =>
  parts(text(`${stem(mode, hooks)}.probes.txt.gz`)).map(([title, body]) => {
    const [name, namespace, start, end, , command] = title.split('\t') as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    // The first line repeats the command.
    const output = body.trimEnd().split('\n').slice(1);
    return { name, namespace, start: Number(start), end: Number(end), command, output };
  }),
);

/** Comma-separated values; no value of ours has a comma or a quote in it. */
function rows(csv: string): PacketRow[] {
  const [head, ...lines] = csv.trimEnd().split('\n');
  const columns = head!.split(',');
  return lines.map(line => {
    const values = line.split(',');
    return Object.fromEntries(columns.map((column, i) => [column, values[i] ?? '']));
  });
}

type ByProbe = ReadonlyMap<string, readonly PacketRow[]>;

/** By interface, then by probe, in the order of capture. */
export const packets = kept((mode: Mode, hooks: Hooks): ReadonlyMap<string, ByProbe> => {
  const all = new Map<string, Map<string, PacketRow[]>>();
  for (const row of rows(text(`${stem(mode, hooks)}.packets.csv.gz`))) {
    const { interface: at = '', probe = '' } = row;
    const byProbe = all.get(at) ?? new Map<string, PacketRow[]>();
    all.set(at, byProbe);
    const list = byProbe.get(probe) ?? [];
    byProbe.set(probe, list);
    list.push(row);
  }
  return all;
});

/** Segments of BGP sessions: `m-w1` and `w1-w0`, as captured on k8s-w1's eth0. */
export const bgp = kept((mode: Mode): readonly PacketRow[] =>
  rows(text('bgp.csv')).filter(row => row['mode'] === mode),
);
