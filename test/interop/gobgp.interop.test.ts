/** gobgpd, as Debian has it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DAEMON,
  eventually,
  freePort,
  HOLD_SEC,
  install,
  LAB,
  RealDaemon,
  type ReceivedPath,
  run,
} from './daemon.ts';
import { interop } from './peer-suite.ts';

/** `gobgp neighbor A adj-in -j`, as far as it is read here; attributes by type code (RFC 4271 §5, RFC 4456). */
interface Adjacent {
  readonly nlri: { readonly prefix: string };
  readonly attrs: readonly {
    readonly type: number;
    readonly value?: string | number | readonly string[];
    readonly nexthop?: string;
    readonly as_paths?: readonly { readonly asns: readonly number[] }[];
  }[];
}

const ORIGIN = 1;
const AS_PATH = 2;
const NEXT_HOP = 3;
const LOCAL_PREF = 5;
const ORIGINATOR_ID = 9;
const CLUSTER_LIST = 10;

class GoBgp extends RealDaemon {
  #apiPort = 0;
  #restarts = false;

  async start(): Promise<void> {
    const file = join(this.folder, 'gobgpd.toml');
    writeFileSync(file, this.#configuration());
    this.#apiPort = await freePort(DAEMON);
    this.spawn('/usr/bin/gobgpd', [
      ...['-f', file, '--api-hosts', `${DAEMON}:${this.#apiPort}`, '--pprof-disable'],
      ...(this.#restarts ? ['--graceful-restart'] : []),
    ]);
    this.#restarts = true;
    await eventually('gobgpd answers', 10, () => this.#gobgp('global'));
    const { announces, address } = this.setup;
    for (const prefix of announces)
      await this.#gobgp('global', 'rib', 'add', prefix, 'nexthop', address, 'origin', 'igp');
  }

  async established(): Promise<boolean> {
    return /BGP state = established/i.test(await this.#gobgp('neighbor', LAB));
  }

  async received(): Promise<ReceivedPath[]> {
    const text = await this.#gobgp('neighbor', LAB, 'adj-in', '-j');
    const paths = Object.values(JSON.parse(text) as Record<string, Adjacent[]>).flat();
    return paths.map(({ nlri, attrs }) => {
      const of = (type: number): Adjacent['attrs'][number] | undefined => attrs.find(a => a.type === type);
      const localPref = of(LOCAL_PREF)?.value as number | undefined;
      const originatorId = of(ORIGINATOR_ID)?.value as string | undefined;
      const clusterList = of(CLUSTER_LIST)?.value as readonly string[] | undefined;
      return {
        prefix: nlri.prefix,
        origin: ['IGP', 'EGP', 'Incomplete'][of(ORIGIN)!.value as number]!,
        asPath: (of(AS_PATH)?.as_paths ?? []).flatMap(segment => segment.asns).join(' '),
        nextHop: of(NEXT_HOP)!.nexthop!,
        ...(localPref !== undefined && { localPref }),
        ...(originatorId !== undefined && { originatorId }),
        ...(clusterList !== undefined && { clusterList: clusterList.join(' ') }),
      };
    });
  }

  async disable(): Promise<void> {
    await this.#gobgp('neighbor', LAB, 'disable');
  }

  async enable(): Promise<void> {
    await this.#gobgp('neighbor', LAB, 'enable');
  }

  #gobgp(...words: string[]): Promise<string> {
    return run('/usr/bin/gobgp', ['-u', DAEMON, '-p', String(this.#apiPort), ...words]);
  }

  #configuration(): string {
    const { as, address, labAs, labPort, port } = this.setup;
    return `[global.config]
as = ${as}
router-id = "${address}"
port = ${port}
local-address-list = ["${DAEMON}"]

[[neighbors]]
[neighbors.config]
neighbor-address = "${LAB}"
peer-as = ${labAs}
[neighbors.transport.config]
local-address = "${DAEMON}"
passive-mode = ${labPort === undefined}
${labPort === undefined ? '' : `remote-port = ${labPort}`}
[neighbors.ebgp-multihop.config]
enabled = ${as !== labAs}
multihop-ttl = 64
[neighbors.timers.config]
hold-time = ${HOLD_SEC}
keepalive-interval = ${HOLD_SEC / 3}
connect-retry = 2
idle-hold-time-after-reset = 1
[neighbors.graceful-restart.config]
enabled = true
restart-time = 60
deferral-time = 20
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true
[neighbors.afi-safis.add-paths.config]
receive = true
send-max = 4
`;
  }
}

interop({
  name: 'gobgp',
  install: () => install('/usr/bin/gobgpd', ['gobgpd']),
  make: setup => new GoBgp(setup),
}).run();
