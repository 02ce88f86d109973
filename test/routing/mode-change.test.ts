/**
 * Every mode changed into every other while the lab runs (facts: calico-dataplane §12): afterwards the tables are those of
 * a lab that was born in the new mode, but for what is known to remain.
 *
 *   remains     tunl0 stays up with its MTU, without its address; pods keep their MTU
 *   moves       a tunnel address that was given back is not the one that comes next
 *   goes        vxlan.calico, with its neighbours and forwarding entries
 */
import * as Ipv4 from '../../src/addr/ipv4.ts';
import type { Lab } from '../../src/lab.ts';
import type { DeviceView, NeighbourView } from '../../src/node/command.ts';
import { assert, suite } from '../kit.ts';
import {
  bootLab,
  DUMB_ROUTER,
  encapsulation,
  MODES,
  type Mode,
  pool,
  routeLines,
  routerForm,
  waysBetween,
} from './reference-lab.ts';

const NODES = ['k8s-m', 'k8s-w0', 'k8s-w1', 'k8s-w2', 'k8s-rtr'];
const PODS = ['pod0', 'pod1', 'pod2', 'pod3'];
const TUNNELS = ['tunl0', 'vxlan.calico'];

const kindOf = (mode: Mode): string => mode.split('-')[0]!;
const MTU: Record<string, number> = { direct: 1500, ipip: 1480, vxlan: 1450 };

/** What a change may not leave different. Tunnel and pod addresses are replaced by whose they are. */
interface State {
  readonly routes: Record<string, string[]>;
  readonly ways: Record<string, string>;
  readonly fdb: Record<string, string[]>;
}

const boot = async (mode: Mode): Promise<Lab> => {
  const lab = await bootLab({ fabric: routerForm(DUMB_ROUTER), resources: [pool(mode)] });
  const { converged, missing } = await lab.converge();
  assert.ok(converged, missing.join(', '));
  return lab;
};

async function tunnelAddress(lab: Lab, node: string): Promise<string> {
  const { spec } = (await lab.cluster.find('Node', node))!;
  return spec.bgp?.ipv4IPIPTunnelAddr ?? spec.ipv4VXLANTunnelAddr ?? '';
}

async function stateOf(lab: Lab): Promise<State> {
  const names = new Map<string, string>();
  for (const node of NODES.slice(0, 4)) names.set(await tunnelAddress(lab, node), `<tunnel of ${node}>`);
  for (const pod of PODS) names.set(Ipv4.format((await lab.party(pod)).address), `<${pod}>`);
  const named = (text: string): string =>
    text.replace(/\d+\.\d+\.\d+\.\d+(?!\d*\/)/g, address => names.get(address) ?? address);
  const routes: Record<string, string[]> = {};
  const fdb: Record<string, string[]> = {};
  for (const node of NODES) {
    routes[node] = (await routeLines(lab, node)).map(named).sort();
    const entries = await lab.controller.ask<object[]>(node, { do: 'fdb', namespace: '' });
    const neighbours = await lab.controller.ask<NeighbourView[]>(node, { do: 'neighbours', namespace: '' });
    const permanent = neighbours.filter(entry => entry.state === 'PERMANENT');
    fdb[node] = [
      ...entries.map(entry => JSON.stringify(entry)),
      ...permanent.map(({ address, mac }) => `${named(Ipv4.format(address))} ${mac}`),
    ].sort();
  }
  return { routes, ways: await waysBetween(lab, PODS), fdb };
}

const t = suite<{ fresh: Map<Mode, State> }>('routing/mode-change', { fresh: new Map() }, 60_000);

/** The state of a lab that was born in `mode`; looked at once. */
async function bornIn(fresh: Map<Mode, State>, mode: Mode): Promise<State> {
  let state = fresh.get(mode);
  if (state === undefined) {
    const lab = await boot(mode);
    state = await stateOf(lab);
    fresh.set(mode, state);
    await lab.close();
  }
  return state;
}

for (const from of MODES) {
  for (const to of MODES.filter(mode => mode !== from)) {
    t(`${from} -> ${to}`, async ({ fresh }) => {
      const lab = await boot(from);
      const before = await tunnelAddress(lab, 'k8s-w1');
      const patch = JSON.stringify({ spec: encapsulation(to) });
      const { exitCode, stderr } = await lab.exec(`calicoctl patch ippool default-ipv4-ippool -p '${patch}'`);
      assert.is(exitCode, 0, stderr);
      const { converged, missing } = await lab.converge();
      assert.ok(converged, missing.join(', '));
      assert.equal(await stateOf(lab), await bornIn(fresh, to));
      await remainders(lab, from, to);
      await tunnelAddresses(lab, from, to, before);
      await lab.close();
    });
  }
}

async function remainders(lab: Lab, from: Mode, to: Mode): Promise<void> {
  const devices = (await lab.devices('k8s-w1')).filter(device => TUNNELS.includes(device.name));
  const [tunl0, vxlan] = TUNNELS.map(name => devices.find(device => device.name === name));
  const shown = (device: DeviceView | undefined): string =>
    device === undefined
      ? 'none'
      : `${device.up ? 'up' : 'down'} ${device.mtu} ${device.addresses.length} addresses`;
  const [was, is] = [kindOf(from), kindOf(to)];
  const everIpip = was === 'ipip' || is === 'ipip';
  assert.is(shown(tunl0), everIpip ? `up 1480 ${is === 'ipip' ? 1 : 0} addresses` : 'down 1480 0 addresses');
  assert.is(shown(vxlan), is === 'vxlan' ? 'up 1450 1 addresses' : 'none');
  const eth0 = (await lab.devices('pod1')).find(device => device.name === 'eth0');
  assert.is(eth0?.mtu, MTU[was], 'a running pod keeps its MTU');
}

/** The pod has .1 where there was a tunnel before it, else .0; what was given back is at the end of the queue. */
async function tunnelAddresses(lab: Lab, from: Mode, to: Mode, before: string): Promise<void> {
  const [was, is] = [kindOf(from), kindOf(to)];
  assert.is(before, was === 'direct' ? '' : '172.16.158.0');
  const expected =
    is === 'direct' ? '' : was === is ? before : was === 'direct' ? '172.16.158.1' : '172.16.158.2';
  assert.is(await tunnelAddress(lab, 'k8s-w1'), expected);
}

t('there and back: the address of the tunnel is another, and all else as it was', async ({ fresh }) => {
  const lab = await boot('ipip-always');
  for (const mode of ['direct', 'ipip-always'] as const) {
    await lab.exec(
      `calicoctl patch ippool default-ipv4-ippool -p '${JSON.stringify({ spec: encapsulation(mode) })}'`,
    );
    assert.ok((await lab.converge()).converged);
  }
  assert.equal(await stateOf(lab), await bornIn(fresh, 'ipip-always'));
  assert.is(await tunnelAddress(lab, 'k8s-w1'), '172.16.158.2');
  await lab.close();
});

t('pods made after a change have the MTU of the new mode', async () => {
  const lab = await boot('direct');
  await lab.exec(
    `calicoctl patch ippool default-ipv4-ippool -p '${JSON.stringify({ spec: encapsulation('vxlan-always') })}'`,
  );
  assert.ok((await lab.converge()).converged);
  await lab.exec(`kubectl apply -f - <<EOF
apiVersion: v1
kind: Pod
metadata: { name: late }
spec: { nodeName: k8s-w1, containers: [{ name: c, image: busybox }] }
EOF`);
  assert.ok((await lab.converge()).converged);
  const eth0 = (await lab.devices('late')).find(device => device.name === 'eth0');
  assert.is(eth0?.mtu, 1450);
  await lab.close();
});

t.run();
