/** Two layers on a wire: handshake, data, close; and how it looks beside the recordings of Linux. */
import * as Payload from '../../../src/sim/payload.ts';
import { assert, suite } from '../../kit.ts';
import { Lab, MS } from './harness.ts';

const t = suite('netstack/tcp/handshake');

t('three segments open a connection, and both programs hear of it', () => {
  const lab = new Lab();
  const { client, clientLog, serverLog } = lab.open();
  lab.world.run(100 * MS);
  assert.equal(clientLog.entries, ['established']);
  assert.equal(serverLog.entries, ['established']);
  assert.is(client.state, 'ESTAB');
  assert.equal(
    lab.seen.map(seen => seen.flags),
    ['S', 'S.', '.'],
  );
});

t('octets arrive in order, both ways', () => {
  const lab = new Lab();
  const { client, clientLog, serverLog } = lab.open();
  client.write(Uint8Array.of(1, 2, 3));
  lab.world.run(20 * MS);
  serverLog.stream!.write(Uint8Array.of(4, 5));
  lab.world.run(100 * MS);
  assert.equal(serverLog.octets, [1, 2, 3]);
  assert.equal(clientLog.octets, [4, 5]);
});

t('a close goes through FIN-WAIT-1, FIN-WAIT-2 and 60 s of TIME-WAIT', () => {
  const lab = new Lab();
  const { client, clientLog, serverLog } = lab.open();
  lab.world.run(20 * MS);
  client.close();
  assert.is(client.state, 'FIN-WAIT-1');
  lab.world.run(100 * MS);
  assert.equal(serverLog.entries, ['established', 'closed', 'finished']);
  assert.equal(clientLog.entries, ['established', 'finished']);
  assert.is(client.state, 'TIME-WAIT');
  assert.is(serverLog.stream!.state, 'UNCONN');
  lab.world.run(59_000 * MS);
  assert.is(client.state, 'TIME-WAIT');
  lab.world.run(61_000 * MS);
  assert.is(client.state, 'UNCONN');
  assert.equal(lab.a.sockets(), []);
});

t('a closed port refuses', () => {
  const lab = new Lab();
  const { clientLog } = lab.open(80);
  const reasons: string[] = [];
  lab.a.connect(
    { remoteAddress: lab.ips[1].address, remotePort: 81 },
    {
      established() {},
      received() {},
      closed: (_stream, reason) => reasons.push(reason),
    },
  );
  lab.world.run(100 * MS);
  assert.equal(reasons, ['Connection refused']);
  assert.equal(clientLog.entries, ['established']);
});

t('a megabyte of zeros is counted at the other end, and acknowledged', () => {
  const lab = new Lab();
  const { client, serverLog } = lab.open();
  let counted = 0;
  Object.assign(serverLog, { receivedVirtual: (_stream: unknown, length: number) => (counted += length) });
  lab.world.run(20 * MS);
  client.writeVirtual(Payload.ZERO, 1_000_000);
  client.close();
  lab.world.run(5_000 * MS);
  assert.is(counted, 1_000_000);
  assert.is(client.info().bytesAcked, 1_000_000);
  assert.is(client.info().retransmits, 0);
});

t.run();
