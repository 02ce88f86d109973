import { encode, encodeRequest, frameOf, messageOf, requestOf, type ToNode } from '../../src/api/protocol.ts';
import type { Resource } from '../../src/calico/resources/kinds.ts';
import { FrameStore } from '../../src/sim/frame-store.ts';
import { assert, suite } from '../kit.ts';

const t = suite('api/protocol');

const node = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name: 'a "quoted" näme', resourceVersion: '7', namespace: undefined },
  spec: { bgp: { ipv4Address: '10.0.0.1/24', ipv4IPIPTunnelAddr: undefined } },
} as unknown as Resource;
const other = { ...node, metadata: { name: 'b' } } as Resource;

const messages: Readonly<Record<string, ToNode>> = {
  'a new object': { kind: 'event', event: { type: 'ADDED', object: node } },
  'a deleted one': { kind: 'event', event: { type: 'DELETED', object: other } },
  'a listing': { kind: 'listed', objects: [node, other], first: true },
  'an empty listing': { kind: 'listed', objects: [], first: false },
  'its end': { kind: 'synced' },
  'an answer': { kind: 'response', id: 3, result: { ok: true, object: node } },
  'an answer with many': { kind: 'response', id: 4, result: { ok: true, items: [other, node] } },
  'an answer with none': { kind: 'response', id: 5, result: { ok: true } },
  'an answer with all': { kind: 'response', id: 6, result: { ok: true, object: node, items: [other] } },
  'a refusal': { kind: 'response', id: 7, result: { ok: false, code: 'NOT_FOUND', message: 'no "x"' } },
};

for (const [name, message] of Object.entries(messages)) {
  t(`${name}: the octets are its JSON, and what is read on any thread is what they say`, () => {
    const frames = new FrameStore();
    const octets = encode(message);
    const text = JSON.stringify(message);
    assert.is(Buffer.from(octets).toString(), text);
    const here = messageOf(frames, frameOf(frames, octets));
    // A copy has come over a ring: nobody has read it yet.
    const elsewhere = messageOf(frames, frameOf(frames, octets.slice()));
    assert.equal(here, JSON.parse(text));
    assert.equal(elsewhere, JSON.parse(text));
    assert.ok(Object.isFrozen(here) && Object.isFrozen(elsewhere));
    assert.is(frames.inUse, 0);
  });
}

t('who receives a message cannot change what is stored, nor what others read', () => {
  const frames = new FrameStore();
  const read = messageOf(frames, frameOf(frames, encode(messages['a listing']!)));
  if (read.kind !== 'listed') throw new Error(read.kind);
  assert.is.not(read.objects[0], node);
  assert.throws(() => {
    read.objects[0]!.metadata.name = 'changed';
  });
});

t('a request is read as it was written', () => {
  const frames = new FrameStore();
  const request = { kind: 'request', id: 1, op: { verb: 'get', kind: 'Node', name: 'a' } } as const;
  assert.equal(requestOf(frames, frameOf(frames, encodeRequest(request))), request);
});

t.run();
