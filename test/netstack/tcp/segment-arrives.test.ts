/**
 * What a segment does around a connection: RSTs for nobody, closing and aborting, the two long waits. Each state and
 * check of RFC 9293 §3.10.7 is in conformance/.
 */
import { assert, suite } from '../../kit.ts';
import { Bench, Log, MS } from './harness.ts';

const t = suite('netstack/tcp/segment-arrives');

t('a SYN with a higher number opens a new connection where the old one waits', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.shutdown();
  bench.inject({ flags: 'F.', seq: 1, ack: 2 });
  bench.take();
  bench.inject({ flags: 'S', seq: 100 });
  const [synAck] = bench.take();
  assert.is(synAck!.flags, 'S.');
  assert.is((synAck!.ack - bench.irs) | 0, 101);
  assert.is((synAck!.seq - bench.iss) | 0, 2 + 65537, 'RFC 6191: numbers beyond the old ones');
  assert.is(log.stream!.state, 'UNCONN');
});

t('a segment for no socket: RST takes its number from the ACK, or acknowledges the whole segment', () => {
  const bench = new Bench();
  bench.inject({ flags: '.', seq: 5, ack: 9 });
  bench.inject({ flags: 'S', seq: 5 });
  bench.inject({ flags: 'SF', seq: 5, length: 10 });
  bench.inject({ flags: 'R', seq: 5 });
  assert.equal(bench.text(), ['R 9:9', 'R. 0:0 ack 6', 'R. 0:0 ack 17']);
  assert.equal(bench.ip.dropped, ['NO_SOCKET', 'NO_SOCKET', 'NO_SOCKET', 'NO_SOCKET']);
});

t('the RST of a closed port: DF with IP ID 0, the TTL of the namespace, window 0, no options', () => {
  const bench = new Bench();
  bench.inject({ flags: 'S', seq: 5, options: { mss: 1460, timestamps: { value: 9, echoReply: 0 } } });
  const [reset] = bench.take();
  assert.is(reset!.pmtu, 'do');
  assert.is(reset!.ttl, 64);
  assert.is(reset!.window, 0);
  assert.equal(reset!.options, {});
});

t('a bad checksum is dropped', () => {
  const bench = new Bench();
  const { frames } = bench.world;
  bench.ip.wire = frame => {
    const view = frames.view(frame);
    const at = frames.start[frame]!;
    view.setUint8(at + 21, view.getUint8(at + 21) ^ 1);
    frames.pull(frame, 20);
    bench.layer.receive(frame, at, undefined as never);
  };
  bench.layer.connect({ remoteAddress: 1, remotePort: 2 }, new Log());
  assert.equal(bench.ip.dropped, ['BAD_CHECKSUM']);
});

t('challenge ACKs come at most every 500 ms', () => {
  const bench = new Bench();
  bench.establish();
  for (let i = 0; i < 5; i++) bench.inject({ flags: 'R', seq: 100 });
  assert.is(bench.take().length, 1);
  bench.pass(499 * MS);
  bench.inject({ flags: 'S', seq: 1 });
  assert.is(bench.take().length, 0);
  bench.pass(1 * MS);
  bench.inject({ flags: 'S', seq: 1 });
  assert.equal(bench.text(), ['. 1:1 ack 1']);
});

t('PAWS drops an old timestamp, and a bad ACK does not move TS.Recent', () => {
  const bench = new Bench();
  const options = (value: number) => ({ timestamps: { value, echoReply: 0 } });
  const log = bench.establish({ mss: 1000, timestamps: { value: 100, echoReply: 0 } });
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10, options: options(98) });
  assert.equal(bench.text(), ['. 1:1 ack 1']);
  bench.inject({ flags: '.', seq: 1, ack: 5000, options: options(300) });
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10, options: options(200) });
  const [ack] = bench.take();
  assert.is(ack!.options.timestamps!.echoReply, 200);
  assert.is(log.octets.length, 10);
});

t('data for a program that has closed is answered with RST', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.close();
  bench.inject({ flags: '.', seq: 1, ack: 2 });
  bench.take();
  bench.inject({ flags: '.', seq: 1, ack: 2, length: 10 });
  // As Linux 6.18: where the peer believes to be, without ACK, options and window.
  assert.equal(bench.text(), ['R 2:2']);
  assert.is(log.stream!.state, 'UNCONN');
  assert.equal(log.entries, ['established', 'finished']);
});

t('both close with data on its way: each answers the other with RST, and ignores that of the other', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.write(new Uint8Array(21));
  log.stream!.close();
  bench.take();
  // The peer's data and FIN crossed ours.
  bench.inject({ flags: 'P.', seq: 1, ack: 1, length: 40 });
  bench.inject({ flags: 'F.', seq: 41, ack: 1 });
  assert.equal(bench.text(), ['R 1:1', 'R 1:1']);
  bench.inject({ flags: 'R', seq: 1 });
  assert.equal(bench.text(), []);
  assert.equal(log.entries, ['established', 'finished Connection reset by peer']);
});

t('FIN-WAIT-2 without a program ends after 60 s', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.close();
  bench.inject({ flags: '.', seq: 1, ack: 2 });
  bench.pass(59_999 * MS);
  assert.is(log.stream!.state, 'FIN-WAIT-2');
  bench.pass(1 * MS);
  assert.is(log.stream!.state, 'UNCONN');
});

t('closing in SYN-SENT sends nothing; aborting an open connection sends RST', () => {
  const bench = new Bench();
  const log = bench.connect();
  log.stream!.close();
  assert.equal(bench.take(), []);
  assert.is(log.stream!.state, 'UNCONN');
  const other = new Bench();
  const opened = other.establish();
  opened.stream!.abort();
  assert.equal(other.text(), ['R. 1:1 ack 1']);
  assert.equal(opened.entries, ['established']);
});

t('closing with data unread sends RST (RFC 2525)', () => {
  const bench = new Bench();
  const log = bench.establish();
  log.stream!.pause();
  bench.inject({ flags: '.', seq: 1, ack: 1, length: 10 });
  bench.take();
  log.stream!.close();
  assert.equal(bench.text(), ['R. 1:1 ack 11']);
});

/** A handshake with a listener whose program will not have it. */
function unwanted(): Bench {
  const bench = new Bench();
  bench.layer.listen(80, () => undefined);
  bench.irs = 50_000;
  bench.inject({ flags: 'S', seq: 0 });
  bench.iss = bench.take()[0]!.seq;
  bench.inject({ flags: '.', seq: 1, ack: 1 });
  return bench;
}

t('a program that wants nobody closes what the kernel has accepted, when it runs', () => {
  const bench = unwanted();
  assert.equal(bench.text(), []);
  bench.pass(MS);
  assert.equal(bench.text(), ['F. 1:1 ack 1']);
});

t('and what has come by then is acknowledged, not read, so that it is a RST', () => {
  const bench = unwanted();
  bench.inject({ flags: 'P.', seq: 1, ack: 1, length: 63 });
  assert.equal(bench.text(), ['. 1:1 ack 64']);
  bench.pass(MS);
  assert.equal(bench.text(), ['R. 1:1 ack 64']);
  assert.is(bench.layer.sockets().length, 1);
});

t('a listener that has gone by the end of the handshake resets', () => {
  const bench = new Bench();
  const stopListening = bench.layer.listen(80, () => undefined);
  bench.irs = 50_000;
  bench.inject({ flags: 'S', seq: 0 });
  bench.iss = bench.take()[0]!.seq;
  stopListening();
  bench.inject({ flags: '.', seq: 1, ack: 1 });
  assert.equal(bench.text(), ['R. 1:1 ack 1']);
});

t.run();
