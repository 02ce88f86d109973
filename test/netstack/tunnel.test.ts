import * as Ipv4 from '../../src/addr/ipv4.ts';
import * as Mac from '../../src/addr/mac.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import * as Ecn from '../../src/netstack/tunnel/ecn.ts';
import type { VxlanDevice } from '../../src/netstack/tunnel/vxlan.ts';
import { SECOND } from '../../src/sim/time.ts';
import * as Checksum from '../../src/wire/checksum.ts';
import * as Icmpv4 from '../../src/wire/icmpv4.ts';
import * as Wire from '../../src/wire/ipv4.ts';
import * as Udp from '../../src/wire/udp.ts';
import { assert, suite } from '../kit.ts';
import { Lab, route, viewOf } from './lab.ts';

const t = suite('netstack/tunnel');

for (const [inner, outer] of [
  [0x00, 0],
  [0x01, 1],
  [0x02, 2],
  [0x03, 2],
  [0xff, 2],
  [0xb8, 0],
] as const)
  t(`ECN: inner TOS 0x${inner.toString(16)} travels under ECN ${outer}`, () => {
    assert.is(Ecn.encapsulated(inner), outer);
  });

// RFC 6040 §4.2, figure 4, as Linux has it: outer by inner.
for (const [outer, inner, result] of [
  [0, 0, 0],
  [1, 0, 0],
  [2, 0, 0],
  [3, 0, 'drop'],
  [0, 1, 1],
  [1, 1, 1],
  [2, 1, 1],
  [3, 1, 3],
  [0, 2, 2],
  [1, 2, 2],
  [2, 2, 2],
  [3, 2, 3],
  [0, 3, 3],
  [1, 3, 3],
  [2, 3, 3],
  [3, 3, 3],
] as const)
  t(`ECN: outer ${outer} over inner ${inner} comes out as ${result}`, () => {
    assert.is(Ecn.isInvalid(outer, inner), result === 'drop');
    if (result === 'drop') return;
    const view = new DataView(new ArrayBuffer(20));
    const header = { totalLength: 20, identification: 1, flags: 0, fragmentOffset: 0, ttl: 1, protocol: 1 };
    Wire.emit(view, 0, { ...header, tos: 0xb8 | inner, source: 1, destination: 2 });
    Ecn.decapsulate(outer, view, 0);
    assert.is(Wire.tos(view, 0), 0xb8 | result);
    assert.is(Wire.check(view, 0, 20), Wire.Fault.None);
  });

for (const mode of ['ipip-always', 'vxlan-always'] as const) {
  /** Have the router mark congestion on what it forwards to k8s-w0. */
  const congested = (lab: Lab): void => {
    const { frames } = lab.partition;
    lab.namespace('k8s-rtr').hooks.add(2, {
      name: 'congestion',
      priority: 0,
      run: (frame, _input, output) => {
        if (output?.name === 'eth2') Wire.setEcn(frames.view(frame), frames.start[frame]!, Wire.ECN_CE);
        return '';
      },
    });
  };

  t(
    `${mode}: congestion marked on the way reaches a pod that understands it, and comes back in the echo`,
    () => {
      const lab = new Lab(mode);
      congested(lab);
      const { reply } = lab.ping('pod1', '172.16.34.1', { tos: 0x02 });
      assert.is(reply?.tos, 0x03);
    },
  );

  t(
    `${mode}: congestion marked over a packet that cannot carry the mark: dropped, counted on the tunnel`,
    () => {
      const lab = new Lab(mode);
      congested(lab);
      assert.is(lab.ping('pod1', '172.16.34.1').reply, undefined);
      const tunnel = lab.device('k8s-w0', mode === 'ipip-always' ? 'tunl0' : 'vxlan.calico');
      assert.is(tunnel.drops?.get('ECN_INVALID'), 1);
      assert.is(tunnel.counters.rxDropped, 1);
      assert.is(lab.imbalance(), 0);
    },
  );

  t(`${mode}: outer identifications are never 0 and all different`, () => {
    const lab = new Lab(mode);
    const wire = lab.capture('k8s-w1', 'eth0', 'transmit');
    for (let i = 0; i < 20; i++) lab.ping('pod1', '172.16.34.1', { pmtu: 'do' });
    const ids = wire
      .map(octets => viewOf(octets))
      .filter(view => view.getUint16(12) === 0x0800)
      .map(view => Wire.identification(view, 14));
    assert.is(ids.length, 20);
    assert.is(new Set(ids).size, 20);
    assert.not(ids.includes(0));
  });
}

t(
  'IPIP packets for a host whose tunl0 is down are refused as by a closed port (3/3), which the pod never sees',
  () => {
    const lab = new Lab('ipip-always');
    const peer = lab.namespace('k8s-w0');
    lab.at('k8s-w0', () => peer.setUp(lab.device('k8s-w0', 'tunl0'), false));
    const heard = lab.capture('k8s-w1', 'eth0', 'receive');
    const { error } = lab.ping('pod1', '172.16.34.1');
    assert.is(error, undefined);
    assert.is(peer.host.account.reasons.get('TUNNEL_DOWN'), 1);
    const last = viewOf(heard.at(-1)!);
    assert.equal([Icmpv4.type(last, 34), Icmpv4.code(last, 34)], [3, 3]);
    assert.is(lab.imbalance(), 0);
  },
);

t('a route to the far end that leads into the tunnel again is a loop', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  const tunl0 = lab.device('k8s-w1', 'tunl0');
  node.fib.replace(route(tunl0, '192.168.20.100/32', '192.168.20.100', { onlink: true }));
  lab.ping('pod1', '172.16.34.1');
  assert.is(tunl0.drops?.get('TUNNEL_LOOP'), 1);
  assert.is(lab.imbalance(), 0);
});

t('a far end that no route leads to', () => {
  const lab = new Lab('ipip-always');
  const node = lab.namespace('k8s-w1');
  node.fib.remove({ prefix: { address: 0, length: 0 } });
  lab.device('k8s-w1', 'calice0906292e2').sysctl.rpFilter = 0;
  lab.ping('k8s-w1', '172.16.34.1');
  assert.is(lab.device('k8s-w1', 'tunl0').drops?.get('NO_ROUTE'), 1);
});

t('VXLAN without an fdb entry for the MAC: VTEP_MISSING', () => {
  const lab = new Lab('vxlan-always');
  (lab.device('k8s-w1', 'vxlan.calico') as VxlanDevice).fdb.delete(Mac.parse('66:8d:da:b4:58:1a')!);
  lab.ping('pod1', '172.16.34.1');
  assert.is(lab.device('k8s-w1', 'vxlan.calico').drops?.get('VTEP_MISSING'), 1);
  assert.is(lab.imbalance(), 0);
});

t(
  'VXLAN without a neighbour entry: the question goes to nobody, and the pod hears 3/1 after three seconds',
  () => {
    const lab = new Lab('vxlan-always');
    const node = lab.namespace('k8s-w1');
    node.neighbours.remove(lab.device('k8s-w1', 'vxlan.calico'), Ipv4.from('172.16.34.0'));
    const { error } = lab.ping('pod1', '172.16.34.1', {}, 4 * SECOND);
    assert.equal([error?.type, error?.code], [3, 1]);
    assert.is(lab.device('k8s-w1', 'vxlan.calico').drops?.get('VTEP_MISSING'), 3);
    assert.is(lab.imbalance(), 0);
  },
);

t(
  'VXLAN: source port from the flow, in 32768..60999, the same both ways; checksum right over what is inside',
  () => {
    const lab = new Lab('vxlan-always');
    const wire = lab.capture('k8s-w1', 'eth0');
    for (const dataLength of [56, 57, 1400]) lab.ping('pod1', '172.16.34.1', { dataLength });
    lab.ping('pod1', '172.16.184.4');
    const packets = wire.map(viewOf).filter(view => view.getUint16(12) === 0x0800);
    const ports = packets.map(view => Udp.sourcePort(view, 34));
    assert.is(packets.length, 8);
    // The hash key is each node's own, as it would be with a kernel each: ours and theirs differ.
    assert.is(new Set(ports.filter((_, i) => i < 6 && i % 2 === 0)).size, 1);
    assert.is.not(ports[0], ports[6]);
    for (const port of ports) assert.ok(port >= 32768 && port < 60999);
    for (const view of packets) {
      const length = Udp.length(view, 34);
      const sum = Checksum.sum(view, 42, 34 + length);
      assert.ok(Udp.isValid(view, 34, Wire.source(view, 14), Wire.destination(view, 14), length, sum));
      assert.is.not(Udp.checksumField(view, 34), 0);
    }
  },
);

for (const [what, spoil, reason] of [
  ['another VNI', (view: DataView, udp: number) => view.setUint8(udp + 14, 9), 'UNKNOWN_PROTOCOL'],
  ['no I flag', (view: DataView, udp: number) => view.setUint8(udp + 8, 0), 'MALFORMED'],
  ['a wrong checksum', (view: DataView, udp: number) => view.setUint16(udp + 6, 0x1234), 'BAD_CHECKSUM'],
] as const)
  t(`VXLAN with ${what} is dropped: ${reason}`, () => {
    const lab = new Lab('vxlan-always');
    const { frames } = lab.partition;
    lab.namespace('k8s-rtr').hooks.add(2, {
      name: 'vandal',
      priority: 0,
      run: frame => {
        const udp = frames.start[frame]! + 20;
        spoil(frames.view(frame), udp);
        if (reason !== 'BAD_CHECKSUM') frames.view(frame).setUint16(udp + 6, 0);
        return '';
      },
    });
    lab.ping('pod1', '172.16.34.1');
    assert.is(lab.device('k8s-w0', 'vxlan.calico').drops?.get(reason), 1);
  });

/** The router's way to swB carries `mtu` only. */
function narrow(lab: Lab, mtu: number): void {
  lab.device('k8s-rtr', 'eth2').mtu = mtu;
}

t('a narrow link under IPIP: the router tells the node, the node tells the pod with its next packet', () => {
  const lab = new Lab('ipip-always');
  lab.ping('pod1', '172.16.34.1');
  narrow(lab, 1400);
  const big = { dataLength: 1452, pmtu: 'do' } as const;
  const first = lab.ping('pod1', '172.16.34.1', big);
  assert.is(first.error, undefined);
  assert.is(lab.namespace('k8s-w1').pathMtu.get(Ipv4.from('192.168.20.100'), 1500), 1400);
  const second = lab.ping('pod1', '172.16.34.1', big);
  assert.equal([second.error?.type, second.error?.code, second.error?.mtu], [3, 4, 1380]);
  assert.is(Ipv4.format(second.error!.from), '192.168.10.101');
  assert.is(lab.ping('pod1', '172.16.34.1', big).sent, 'EMSGSIZE');
  assert.is(lab.ping('pod1', '172.16.34.1', { dataLength: 1352, pmtu: 'do' }).reply?.length, 1360);
  // Ten minutes later all is forgotten.
  lab.run(600 * SECOND);
  assert.is(lab.ping('pod1', '172.16.34.1', big).sent, '');
  assert.is(lab.imbalance(), 0);
});

t(
  'a narrow link under VXLAN: the router fragments the outer packet, which has no DF, and the node puts it together',
  () => {
    const lab = new Lab('vxlan-always');
    lab.ping('pod1', '172.16.34.1');
    narrow(lab, 1400);
    const wire = lab.capture('k8s-rtr', 'eth2', 'transmit');
    const { reply } = lab.ping('pod1', '172.16.34.1', { dataLength: 1422, pmtu: 'do' });
    assert.is(reply?.length, 1430);
    assert.equal(
      wire.map(octets => octets.length - 14),
      [1396, 124],
    );
    assert.is(lab.imbalance(), 0);
  },
);

t('a tunnel device wider than its underlay: IPIP refuses to the pod, VXLAN fragments outside', () => {
  const ipip = new Lab('ipip-always', 1500);
  ipip.device('k8s-w1', 'tunl0').mtu = 1500;
  const { error } = ipip.ping('pod1', '172.16.34.1', { dataLength: 1472, pmtu: 'do' });
  assert.equal([error?.type, error?.code, error?.mtu], [3, 4, 1480]);
  const vxlan = new Lab('vxlan-always', 1500);
  for (const node of ['k8s-w1', 'k8s-w0']) vxlan.device(node, 'vxlan.calico').mtu = 1500;
  assert.is(vxlan.ping('pod1', '172.16.34.1', { dataLength: 1472, pmtu: 'do' }).reply?.length, 1480);
});

t('a pod whose eth0 is wider than its cali device loses what does not fit', () => {
  const lab = new Lab('ipip-always', 1500);
  lab.device('k8s-w1', 'calice0906292e2').mtu = 1450;
  assert.is(lab.ping('pod1', '172.16.34.1', { dataLength: 1472 }).reply, undefined);
  assert.is(lab.device('k8s-w1', 'calice0906292e2').drops?.get('FRAME_TOO_LONG'), 1);
});

t('a device that is removed takes its routes, and the namespace no longer answers for the tunnel', () => {
  const lab = new Lab('vxlan-always');
  const node = lab.namespace('k8s-w0');
  lab.at('k8s-w0', () => node.detach(lab.device('k8s-w0', 'vxlan.calico')));
  assert.is(node.fib.lookup(Ipv4.from('172.16.158.3'))?.prefix.length, 0);
  const { error } = lab.ping('pod1', '172.16.34.1');
  assert.is(error, undefined);
  assert.is(node.host.account.reasons.get('NO_SOCKET'), 1);
  const again = new EthernetDevice(node, 'eth7', { mac: 1, mtu: 1500, jack: 7 });
  assert.is(again.carrier, false);
});

t.run();
