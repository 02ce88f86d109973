import * as Prefix from '../../src/addr/prefix.ts';
import { Store, type WatchEvent } from '../../src/api/store.ts';
import { applyPatch, PatchError, type PatchType } from '../../src/api/store-patch.ts';
import { parseTimestamp } from '../../src/api/store-time.ts';
import { DatastoreError, type ErrorCode } from '../../src/calico/datastore.ts';
import type { Pod } from '../../src/calico/resources/core.ts';
import { newAffinity } from '../../src/calico/resources/ipam.ts';
import { parse } from '../../src/calico/resources/kinds.ts';
import type { IPPool } from '../../src/calico/resources/pool.ts';
import { assert, suite } from '../kit.ts';

const t = suite('api/store');
const EPOCH = Date.UTC(2024, 8, 22, 1, 52, 31);
const API = 'projectcalico.org/v3';
const newStore = () => new Store(() => EPOCH, 'seed');
const pool = (name: string, cidr: string, spec: Partial<IPPool['spec']> = {}): IPPool => ({
  apiVersion: API,
  kind: 'IPPool',
  metadata: { name },
  spec: { cidr, ...spec },
});
const pod = (name: string, nodeName?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'nicolaka/netshoot' }], ...(nodeName && { nodeName }) },
});
const refused = (code: ErrorCode, message: string | RegExp, act: () => unknown): void =>
  assert.throws(act, (e: unknown) => {
    if (!(e instanceof DatastoreError)) throw e;
    if (typeof message === 'string') assert.is(e.message, message);
    else assert.match(e.message, message);
    return e.code === code;
  });

t('create fills in version, time, uid and defaults, and freezes', () => {
  const store = newStore();
  const created = store.create(pool('a', '10.0.0.0/16'));
  assert.is(created.metadata.resourceVersion, '1');
  assert.is(created.metadata.creationTimestamp, '2024-09-22T01:52:31Z');
  assert.is(parseTimestamp(created.metadata.creationTimestamp!), EPOCH);
  assert.match(
    created.metadata.uid!,
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.is(created.spec.blockSize, 26);
  assert.throws(() => {
    created.spec.cidr = 'x';
  });
  assert.is(newStore().create(pool('a', '10.0.0.0/16')).metadata.uid, created.metadata.uid);
});

t('the texts of what is missing, there already, or stale', () => {
  const store = newStore();
  refused(
    'NOT_FOUND',
    'resource does not exist: IPPool(foo) with error: ippools.crd.projectcalico.org "foo" not found',
    () => store.get('IPPool', 'foo'),
  );
  const a = store.create(pool('a', '10.0.0.0/16'));
  refused(
    'ALREADY_EXISTS',
    'resource already exists: IPPool(a) with error: ippools.crd.projectcalico.org "a" already exists',
    () => store.create(pool('a', '10.0.0.0/16')),
  );
  store.update({ ...a, spec: { ...a.spec, natOutgoing: true } });
  refused('CONFLICT', 'update conflict: IPPool(a)', () => store.update(a));
  refused('CONFLICT', 'update conflict: IPPool(a)', () => store.delete('IPPool', 'a', undefined, '1'));
  refused('NOT_FOUND', 'pods "p" not found', () => store.get('Pod', 'p'));
  const p = store.create(pod('p'));
  refused('ALREADY_EXISTS', 'pods "p" already exists', () => store.create(pod('p')));
  store.update({ ...p, status: { phase: 'Running' } });
  refused(
    'CONFLICT',
    /^Operation cannot be fulfilled on pods "p": the object has been modified; please/,
    () => store.update(p),
  );
  refused('NOT_FOUND', 'namespaces "blue" not found', () =>
    store.create({ ...pod('p'), metadata: { name: 'p', namespace: 'blue' } }),
  );
  refused('INVALID', /Metadata.ResourceVersion = '2' \(field must not be set for a Create request\)/, () =>
    store.create({ ...a, metadata: { name: 'b', resourceVersion: '2' } }),
  );
});

t('watchers see every write in order, and an empty write not at all', () => {
  const store = newStore();
  const seen: string[] = [];
  const stop = store.watch((e: WatchEvent) => {
    seen.push(`${e.type} ${e.object.metadata.name} ${e.object.metadata.resourceVersion}`);
  });
  const a = store.create(pool('a', '10.0.0.0/16'));
  store.update({ ...a, spec: { ...a.spec, natOutgoing: false } });
  store.update({ ...a, spec: { ...a.spec, natOutgoing: true } });
  store.delete('IPPool', 'a');
  stop();
  store.create(pool('b', '10.0.0.0/16'));
  assert.equal(seen, ['ADDED a 1', 'MODIFIED a 2', 'DELETED a 2']);
});

t('listing is in order of namespace and name', () => {
  const store = newStore();
  store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'blue' } });
  for (const name of ['c', 'a', 'b']) store.create(pod(name));
  store.create({ ...pod('z'), metadata: { name: 'z', namespace: 'blue' } });
  assert.equal(
    store.list('Pod').map(p => p.metadata.name),
    ['z', 'a', 'b', 'c'],
  );
  assert.equal(
    store.list('Pod', 'default').map(p => p.metadata.name),
    ['a', 'b', 'c'],
  );
  store.delete('Pod', 'b');
  assert.equal(
    store.list('Pod', 'default').map(p => p.metadata.name),
    ['a', 'c'],
  );
});

t('kubectl apply: created, unchanged, configured', () => {
  const store = newStore();
  assert.is(store.apply(pod('p')).outcome, 'created');
  const stored = store.get('Pod', 'p');
  store.update({
    ...stored,
    metadata: { ...stored.metadata, annotations: { 'cni.projectcalico.org/podIP': '10.0.0.1/32' } },
    spec: { ...stored.spec, nodeName: 'n' },
    status: { phase: 'Running' },
  });
  assert.is(store.apply(pod('p')).outcome, 'unchanged');
  const labelled = { ...pod('p'), metadata: { name: 'p', labels: { app: 'x' } } };
  assert.is(store.apply(labelled).outcome, 'configured');
  assert.is(store.get('Pod', 'p').spec.nodeName, 'n');
  assert.is(store.get('Pod', 'p').status?.phase, 'Running');
});

t('applying a Node keeps its labels and what the kubelet said', () => {
  const store = newStore();
  const kubernetes = { podCIDR: '172.16.0.0/24' };
  const metadata = { name: 'n', labels: { a: '1' } };
  store.create({ apiVersion: API, kind: 'Node', metadata, spec: { bgp: { asNumber: 1 } }, kubernetes });
  const spec = { bgp: { ipv4Address: '10.0.0.1/24' } };
  store.apply({ apiVersion: API, kind: 'Node', metadata: { name: 'n', labels: { b: '2' } }, spec });
  const n = store.get('Node', 'n');
  assert.equal([n.metadata.labels, n.spec, n.kubernetes], [{ a: '1', b: '2' }, spec, kubernetes]);
});

t('affinities are listed by node, though names begin alike', () => {
  const store = newStore();
  for (const [node, cidr] of [
    ['w1', '10.0.0.0/26'],
    ['w1-10', '10.0.1.0/26'],
    ['w', '10.0.2.0/26'],
  ] as const) {
    store.create(newAffinity(node, Prefix.from(cidr), 'pending'));
  }
  const list = (node: string) => {
    const result = store.execute({ verb: 'list', kind: 'BlockAffinity', node });
    return result.ok && result.items!.map(a => a.metadata.name);
  };
  assert.equal(list('w1'), ['w1-10-0-0-0-26']);
  assert.equal(list('w1-10'), ['w1-10-10-0-1-0-26']);
  assert.equal(list('x'), []);
});

t('requests and results are plain data', () => {
  const store = newStore();
  const object = (blockSize: number) =>
    ({
      apiVersion: API,
      kind: 'IPPool',
      metadata: { name: 'a' },
      spec: { cidr: '10.0.0.0/16', blockSize },
    }) as const;
  assert.equal(JSON.parse(JSON.stringify(store.execute({ verb: 'create', object: object(33) }))), {
    ok: false,
    code: 'INVALID',
    message: "error with field IPPool.Spec.BlockSize = '33' (IPv4 block size must be between 20 and 32)",
    problems: [
      {
        field: 'IPPool.Spec.BlockSize',
        value: 33,
        reason: 'IPv4 block size must be between 20 and 32',
        path: ['spec', 'blockSize'],
      },
    ],
  });
  assert.ok(store.execute({ verb: 'create', object: object(26) }).ok);
  assert.ok(store.execute({ verb: 'delete', kind: 'IPPool', name: 'a' }).ok);
  assert.not(store.execute({ verb: 'get', kind: 'IPPool', name: 'a' }).ok);
  assert.is(store.resourceVersion, '2');
});

t('a running pod keeps its spec, but for images and being scheduled', () => {
  const store = newStore();
  store.apply(pod('p'));
  store.apply(pod('p', 'n1'));
  refused(
    'INVALID',
    /^The Pod "p" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers/,
    () => store.apply(pod('p', 'n2')),
  );
  const other = pod('p', 'n1');
  store.apply({ ...other, spec: { ...other.spec, containers: [{ name: 'c', image: 'busybox' }] } });
  refused('INVALID', /Forbidden/, () =>
    store.apply({ ...other, spec: { ...other.spec, containers: [{ name: 'd' }] } }),
  );
});

t('a workload endpoint is a view of a pod with an address', () => {
  const store = newStore();
  store.create(pod('pod-1', 'k8s-w1'));
  assert.is(store.list('WorkloadEndpoint').length, 0);
  const stored = store.get('Pod', 'pod-1');
  store.update({ ...stored, status: { podIP: '172.16.158.3' } });
  const wep = store.list('WorkloadEndpoint')[0]!;
  assert.is(wep.metadata.name, 'k8s--w1-k8s-pod--1-eth0');
  assert.equal(wep.spec.ipNetworks, ['172.16.158.3/32']);
  assert.equal(wep.spec.profiles, ['kns.default', 'ksa.default.default']);
  assert.is(store.get('WorkloadEndpoint', wep.metadata.name).spec.pod, 'pod-1');
});

t('calicoctl’s round trip: get -o yaml, edit, apply', () => {
  const store = newStore();
  store.create(pool('p', '172.16.0.0/16', { blockSize: 24, ipipMode: 'Always', natOutgoing: true }));
  const text = JSON.stringify(store.get('IPPool', 'p')).replace('"Always"', '"Never"');
  const { object, outcome } = store.apply(parse(JSON.parse(text)) as IPPool);
  assert.is(outcome, 'configured');
  assert.is(object.spec.ipipMode, 'Never');
  assert.is(object.spec.blockSize, 24);
});

t('patch: the walkthrough’s, and the three kinds of it', () => {
  const store = newStore();
  store.create(pool('p', '172.16.0.0/16', { natOutgoing: true }));
  const patch = (p: unknown, type: PatchType) => store.patch('IPPool', 'p', p, type).spec;
  assert.is(patch({ spec: { ipipMode: 'CrossSubnet' } }, 'strategic').ipipMode, 'CrossSubnet');
  assert.is(patch({ spec: { natOutgoing: null } }, 'merge').natOutgoing, undefined);
  assert.is(patch([{ op: 'replace', path: '/spec/ipipMode', value: 'Never' }], 'json').ipipMode, 'Never');
  refused(
    'INVALID',
    "error with field IPPool.Spec.BlockSize = '24' (IPPool BlockSize cannot be modified)",
    () => patch({ spec: { blockSize: 24 } }, 'merge'),
  );
  assert.throws(() => patch({ spec: { ipip: 'x' } }, 'merge'), /unknown field "ipip"/);
  assert.throws(
    () => patch({ metadata: { name: 'q' } }, 'merge'),
    (e: unknown) => e instanceof PatchError,
  );
});

// RFC 7386 Appendix A, the rows that are objects.
for (const [target, patch, result] of [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
] as const) {
  t(`merge ${JSON.stringify(target)} with ${JSON.stringify(patch)}`, () =>
    assert.equal(applyPatch(target, patch, 'merge'), result),
  );
}

// RFC 6902 §4 and Appendix A.
for (const [target, operations, result] of [
  [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
  [{ foo: ['a', 'c'] }, [{ op: 'add', path: '/foo/1', value: 'b' }], { foo: ['a', 'b', 'c'] }],
  [{ foo: ['a'] }, [{ op: 'add', path: '/foo/-', value: 'b' }], { foo: ['a', 'b'] }],
  [{ baz: 1, foo: 2 }, [{ op: 'remove', path: '/baz' }], { foo: 2 }],
  [{ foo: ['a', 'b'] }, [{ op: 'remove', path: '/foo/0' }], { foo: ['b'] }],
  [{ foo: 1 }, [{ op: 'replace', path: '/foo', value: [2] }], { foo: [2] }],
  [{ a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
  [{ a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
  [
    { 'a/b': 1, 'm~n': 2 },
    [
      { op: 'remove', path: '/a~1b' },
      { op: 'test', path: '/m~0n', value: 2 },
    ],
    { 'm~n': 2 },
  ],
  [{ a: { b: [1] } }, [{ op: 'test', path: '/a', value: { b: [1] } }], { a: { b: [1] } }],
] as const) {
  t(`json patch ${JSON.stringify(operations)}`, () =>
    assert.equal(applyPatch(target, operations, 'json'), result),
  );
}

for (const [what, patch] of [
  ['a missing member', [{ op: 'remove', path: '/x' }]],
  ['an index past the end', [{ op: 'add', path: '/l/5', value: 0 }]],
  ['a failed test', [{ op: 'test', path: '/a', value: 2 }]],
  ['an unknown operation', [{ op: 'frob', path: '/a' }]],
  ['a bad pointer', [{ op: 'add', path: 'a', value: 0 }]],
  ['a parent that is a number', [{ op: 'add', path: '/a/b', value: 0 }]],
  ['no list', { op: 'add' }],
] as const) {
  t(`json patch refuses ${what}`, () =>
    assert.throws(
      () => applyPatch({ a: 1, l: [] }, patch, 'json'),
      (e: unknown) => e instanceof PatchError,
    ),
  );
}

t('strategic: containers merge by name, other lists are replaced', () => {
  const target = { containers: [{ name: 'a', image: 'x' }, { name: 'b' }], allowedUses: ['W', 'T'] };
  const patch = {
    containers: [{ name: 'a', image: 'y' }, { name: 'b', $patch: 'delete' }, { name: 'c' }],
    allowedUses: ['W'],
  };
  assert.equal(applyPatch(target, patch, 'strategic'), {
    containers: [{ name: 'a', image: 'y' }, { name: 'c' }],
    allowedUses: ['W'],
  });
  assert.throws(
    () => applyPatch(target, { containers: [{ image: 'y' }] }, 'strategic'),
    /declared merge key: name/,
  );
});

t.run();
