/** `ping` and `traceroute` as recorded: every line they printed, in every mode, times left out, and their exit codes. */
import { gunzipSync } from 'node:zlib';
import * as Prefixes from '../../src/addr/prefix.ts';
import { felixHooks, NO_RULES } from '../../src/netstack/felix-hooks.ts';
import { SECOND } from '../../src/sim/time.ts';
import { Ping } from '../../src/traffic/ping.ts';
import { parsePing } from '../../src/traffic/ping-options.ts';
import type { Program, ProgramContext } from '../../src/traffic/program.ts';
import { Traceroute } from '../../src/traffic/traceroute.ts';
import { parseTraceroute } from '../../src/traffic/traceroute-options.ts';
import { assert, fixture, suite } from '../kit.ts';
import { Lab, type Mode } from '../netstack/lab.ts';

interface Recording {
  readonly name: string;
  readonly command: string;
  readonly namespace: string;
  readonly lines: readonly string[];
  readonly exitCode: number;
}

function recordings(mode: Mode): Recording[] {
  const sections = gunzipSync(fixture(`traffic/${mode}.txt.gz`))
    .toString()
    .split(/^# /m)
    .slice(1);
  return sections.map(section => {
    const [name, first, ...lines] = section.trimEnd().split('\n');
    const [, command, namespace] = /^\$ (.*?) +\(in (\S+)\)$/.exec(first!)!;
    const exitCode = Number(lines.pop()!.slice('rc='.length));
    return { name: name!, command: command!, namespace: namespace!, lines, exitCode };
  });
}

/** Times are those of the machine. */
const timeless = (line: string): string =>
  line
    .replace(/time=[\d.]+ ms/, 'time=T ms')
    .replace(/, time \d+ms/, ', time Tms')
    .replace(/^(rtt min\/avg\/max\/mdev = )[\d./]+ ms/, '$1T ms')
    .replace(/ {2}\d+\.\d{3} ms/g, '  T ms');

function programOf(context: ProgramContext, command: string): Program {
  const [name, ...args] = command.split(' ');
  return name === 'ping'
    ? new Ping(context, parsePing(args))
    : new Traceroute(context, parseTraceroute(args));
}

function labOf(mode: Mode, kind: string): Lab {
  if (kind === 'podmtu1500') return new Lab(mode, 1500);
  const lab = new Lab(mode);
  if (kind !== 'nat') return lab;
  const pool = [Prefixes.from('172.16.0.0/16')];
  for (const node of ['k8s-m', 'k8s-w0', 'k8s-w1', 'k8s-w2'])
    felixHooks(lab.namespace(node)).program('masquerade', {
      ...NO_RULES,
      pools: pool,
      masqueradePools: pool,
    });
  return lab;
}

const t = suite('traffic/recordings');

for (const mode of ['ipip-always', 'ipip-crosssubnet', 'vxlan-always', 'direct-nopeer'] as const) {
  const labs = new Map<string, Lab>();
  for (const { name, command, namespace, lines, exitCode } of recordings(mode)) {
    t(`${mode} ${name}: ${command}`, () => {
      const kind = name.split('.')[0]!;
      const lab = labs.get(kind) ?? labOf(mode, kind);
      labs.set(kind, lab);
      // As before every recorded probe: ARP was answered a moment ago or asks again, no path MTU is remembered.
      lab.run(20 * SECOND);
      for (const one of lab.namespaces.values()) one.pathMtu.flush();
      const said: string[] = [];
      let ended: number | undefined;
      lab.at(namespace, () => {
        const context = { namespace: lab.namespace(namespace), tag: 0, resolve: () => undefined };
        const program = programOf(context, command);
        program.onLine = line => said.push(...line.split('\n'));
        program.onExit = code => {
          ended = code;
        };
        program.start();
      });
      for (let waited = 0; ended === undefined && waited < 40; waited++) lab.run(SECOND);
      assert.equal(said.map(timeless), lines.map(timeless));
      assert.is(ended, exitCode);
      assert.is(lab.imbalance(), 0);
    });
  }
}

t.run();
