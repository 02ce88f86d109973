import * as Ipv4 from '../../src/addr/ipv4.ts';
import { connect } from '../../src/fabric/wiring.ts';
import { EthernetDevice } from '../../src/netstack/ethernet-device.ts';
import type { Namespace } from '../../src/netstack/namespace.ts';
import { TcpLayer } from '../../src/netstack/tcp/tcp-layer.ts';
import { MICROSECOND, SECOND } from '../../src/sim/time.ts';
import {
  TransferClient,
  type TransferResult,
  TransferServer,
  type TransferSpec,
} from '../../src/traffic/transfer.ts';
import { assert, suite } from '../kit.ts';
import { TestBench, type TestHost } from '../netstack/lab.ts';

const t = suite('traffic/transfer');

const PORT = 5000;
const OCTETS = 200_000;
const UPLOAD: TransferSpec = {
  destination: Ipv4.from('10.0.0.2'),
  port: PORT,
  direction: 'upload',
  octets: OCTETS,
  timeout: 30 * SECOND,
};

/** Two hosts on a cable. */
class Cable extends TestBench {
  readonly client: Namespace;
  readonly server: Namespace;

  constructor() {
    super();
    const [a, b] = [this.host('client'), this.host('server')];
    const link = { rateBps: 100e6, delay: 50 * MICROSECOND, queueOctets: 100_000 };
    connect({ process: a, jack: 0 }, { process: b, jack: 0 }, link);
    this.client = equip(a, '10.0.0.1');
    this.server = equip(b, '10.0.0.2');
    for (const process of this.partition.processes) process.start();
  }

  serve(): TransferServer {
    return this.#at(this.server, () => {
      const server = new TransferServer(this.server, { port: PORT, octets: OCTETS });
      server.start();
      return server;
    });
  }

  /** What the client has to say after a minute. */
  transfer(spec: TransferSpec): TransferResult | undefined {
    let result: TransferResult | undefined;
    this.#at(this.client, () => {
      new TransferClient(this.client, spec, done => {
        result = done;
      }).start();
    });
    this.run(60 * SECOND);
    return result;
  }

  #at<R>(namespace: Namespace, act: () => R): R {
    return (namespace.host as TestHost).act(this.now, act);
  }
}

function equip(host: TestHost, address: string): Namespace {
  const namespace = host.namespace(host.name);
  const mac = 0x0200_0000_0000 + Ipv4.from(address);
  const device = new EthernetDevice(namespace, 'eth0', { mac, mtu: 1500, jack: 0 });
  namespace.addAddress(device, Ipv4.from(address), 24);
  namespace.setUp(device, true);
  namespace.transports[6] = new TcpLayer(namespace);
  return namespace;
}

for (const direction of ['upload', 'download'] as const)
  t(`${direction}: all octets, and both ends are closed`, () => {
    const cable = new Cable();
    cable.serve();
    assert.equal(cable.transfer({ ...UPLOAD, direction }), { octets: OCTETS, mss: 1448, error: '' });
    const states = [cable.client, cable.server].flatMap(({ transports }) =>
      (transports[6] as TcpLayer).sockets().map(socket => socket.state),
    );
    assert.equal(
      states.filter(state => state !== 'TIME-WAIT'),
      ['LISTEN'],
    );
  });

t('nobody listens: refused', () => {
  assert.is(new Cable().transfer(UPLOAD)?.error, 'Connection refused');
});

t('a server that was stopped refuses', () => {
  const cable = new Cable();
  const server = cable.serve();
  (cable.server.host as TestHost).act(cable.now, () => server.stop('SIGKILL'));
  assert.is(cable.transfer(UPLOAD)?.error, 'Connection refused');
});

t('nobody answers: timed out', () => {
  const cable = new Cable();
  cable.server.transports[6] = undefined;
  (cable.server.host as TestHost).act(cable.now, () => {
    for (const device of cable.server.devices) cable.server.setUp(device, false);
  });
  const result = cable.transfer({ ...UPLOAD, timeout: 2 * SECOND });
  assert.equal([result?.octets, result?.error], [0, 'timed out']);
});

t('less than was asked for is an error', () => {
  const cable = new Cable();
  cable.serve();
  const result = cable.transfer({ ...UPLOAD, direction: 'download', octets: OCTETS + 1 });
  assert.equal([result?.octets, result?.error], [OCTETS, 'the connection ended early']);
});

t.run();
