/** bgpd of FRR, as Debian has it, without zebra: it routes nothing, and needs nobody's tables. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DAEMON, eventually, HOLD_SEC, install, LAB, RealDaemon, type ReceivedPath, run } from './daemon.ts';
import { interop } from './peer-suite.ts';

/** `show bgp … json`, as far as it is read here. */
interface Table {
  readonly routes: Readonly<Record<string, readonly { readonly network?: string }[]>>;
}
interface Detail {
  readonly paths: readonly {
    readonly aspath: { readonly string: string };
    readonly origin: string;
    readonly locPrf?: number;
    readonly nexthops: readonly { readonly ip: string }[];
    readonly originatorId?: string;
    readonly clusterList?: { readonly list: readonly string[] };
    readonly peer: { readonly peerId: string };
  }[];
}

class Frr extends RealDaemon {
  async start(): Promise<void> {
    const file = join(this.folder, 'bgpd.conf');
    writeFileSync(file, this.#configuration());
    const { port } = this.setup;
    this.spawn('/usr/lib/frr/bgpd', [
      ...['--skip_runas', '--no_kernel', '--no_zebra', '-f', file, '-i', join(this.folder, 'bgpd.pid')],
      ...['-l', DAEMON, '-p', String(port), '-P', '0', '--vty_socket', this.folder],
      ...['--log', 'stdout', '--log-level', 'debug'],
    ]);
    await eventually('bgpd answers', 10, () => this.#vtysh('show bgp summary'));
  }

  async established(): Promise<boolean> {
    return (await this.#vtysh(`show bgp neighbors ${LAB}`)).includes('BGP state = Established');
  }

  async received(): Promise<ReceivedPath[]> {
    const table = JSON.parse(
      await this.#vtysh(`show bgp ipv4 unicast neighbors ${LAB} routes json`),
    ) as Table;
    const paths: ReceivedPath[] = [];
    for (const prefix of Object.keys(table.routes)) {
      const detail = JSON.parse(await this.#vtysh(`show bgp ipv4 unicast ${prefix} json`)) as Detail;
      for (const path of detail.paths.filter(p => p.peer.peerId === LAB)) {
        paths.push({
          prefix,
          origin: path.origin,
          asPath: path.aspath.string === 'Local' ? '' : path.aspath.string,
          nextHop: path.nexthops[0]!.ip,
          ...(path.locPrf !== undefined && { localPref: path.locPrf }),
          ...(path.originatorId !== undefined && { originatorId: path.originatorId }),
          ...(path.clusterList !== undefined && { clusterList: path.clusterList.list.join(' ') }),
        });
      }
    }
    return paths;
  }

  async disable(): Promise<void> {
    await this.#configure(`neighbor ${LAB} shutdown`);
  }

  async enable(): Promise<void> {
    await this.#configure(`no neighbor ${LAB} shutdown`);
  }

  async #configure(line: string): Promise<void> {
    await this.#vtysh('configure terminal', `router bgp ${this.setup.as}`, line);
  }

  #vtysh(...lines: string[]): Promise<string> {
    const commands = lines.flatMap(line => ['-c', line]);
    return run('/usr/bin/vtysh', ['--vty_socket', this.folder, '-d', 'bgpd', ...commands]);
  }

  #configuration(): string {
    const { as, address, labAs, labPort, announces } = this.setup;
    const neighbor = (text: string): string => ` neighbor ${LAB} ${text}`;
    return [
      'debug bgp neighbor-events',
      // A route map that comes after its use takes effect 5 s later: after End-of-RIB.
      'bgp route-map delay-timer 0',
      'route-map OUT permit 10',
      ` set ip next-hop ${address}`,
      'exit',
      `router bgp ${as}`,
      ` bgp router-id ${address}`,
      ' no bgp ebgp-requires-policy',
      ' no bgp default ipv4-unicast',
      ' no bgp network import-check',
      ' bgp graceful-restart',
      ' bgp graceful-restart preserve-fw-state',
      neighbor(`remote-as ${labAs}`),
      ...(labPort === undefined ? [neighbor('passive')] : [neighbor(`port ${labPort}`)]),
      neighbor(`update-source ${DAEMON}`),
      ...(as === labAs ? [] : [neighbor('ebgp-multihop 64')]),
      neighbor(`timers ${HOLD_SEC / 3} ${HOLD_SEC}`),
      neighbor('timers connect 2'),
      ' address-family ipv4 unicast',
      ...announces.map(prefix => `  network ${prefix}`),
      ` ${neighbor('activate')}`,
      ` ${neighbor('route-map OUT out')}`,
      ' exit-address-family',
      'exit',
      '',
    ].join('\n');
  }
}

interop({
  name: 'frr',
  install: () => install('/usr/lib/frr/bgpd', ['frr']),
  make: setup => new Frr(setup),
}).run();
