import type { WatchEvent } from '../../src/api/store.ts';
import type { Node } from '../../src/calico/resources/node.ts';
import { ResourceCache } from '../../src/node/resource-cache.ts';
import { assert, suite } from '../kit.ts';

const t = suite('node/resource-cache');

const node = (name: string, resourceVersion: string): Node => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'Node',
  metadata: { name, resourceVersion },
  spec: {},
});
const stored = (object: Node): WatchEvent => ({ type: 'MODIFIED', object });
const versions = (cache: ResourceCache): string[] =>
  cache.list('Node').map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);

t('who has heard the same knows the same, whichever way it came to it', () => {
  const listing = [node('b', '1'), node('a', '2')];
  const news = [
    stored(node('c', '3')),
    stored(node('a', '4')),
    { type: 'DELETED', object: node('b', '5') } as const,
  ];
  const [early, late] = [new ResourceCache(), new ResourceCache()];
  early.fill(listing);
  for (const event of news.slice(0, 2)) early.apply(event);
  // A later subscription begins with a listing of its own.
  late.fill([node('a', '2'), node('b', '1'), node('c', '3')]);
  late.apply(news[1]!);
  assert.is(early.list('Node'), late.list('Node'));
  early.apply(news[2]!);
  assert.equal(versions(early), ['a@4', 'c@3']);
  assert.equal(versions(late), ['a@4', 'b@1', 'c@3']);
  late.apply(news[2]!);
  assert.is(early.list('Node'), late.list('Node'));
});

t('an own write is known before its news, and to nobody else', () => {
  const listing = [node('a', '1'), node('b', '2')];
  const [writer, other] = [new ResourceCache(), new ResourceCache()];
  writer.fill(listing);
  other.fill(listing);
  writer.wrote(node('a', '4'));
  assert.equal(versions(writer), ['a@4', 'b@2']);
  assert.is(writer.find('Node', 'a')?.metadata.resourceVersion, '4');
  assert.equal(versions(other), ['a@1', 'b@2']);
  const unrelated = stored(node('b', '3'));
  for (const cache of [writer, other]) cache.apply(unrelated);
  assert.equal(versions(writer), ['a@4', 'b@3']);
  const news = stored(node('a', '4'));
  for (const cache of [writer, other]) cache.apply(news);
  assert.is(writer.list('Node'), other.list('Node'));
});

t.run();
