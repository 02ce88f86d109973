import { Watcher } from '../../src/api/watcher.ts';
import type { LogicalProcess } from '../../src/sim/logical-process.ts';
import { Random } from '../../src/sim/random.ts';
import { assert, suite } from '../kit.ts';

const t = suite('api/watcher');

/** A process whose one timer goes off when it is told to. */
class Server {
  now = 0;
  deadline = Number.POSITIVE_INFINITY;
  #expire = (): void => {};

  timer(expire: () => void) {
    this.#expire = expire;
    return {
      arm: (at: number) => {
        this.deadline = at;
      },
      cancel: () => {
        this.deadline = Number.POSITIVE_INFINITY;
      },
    };
  }

  random(name: string): Random {
    return new Random(1, name);
  }

  pass(until: number): void {
    while (this.deadline <= until) {
      this.now = this.deadline;
      this.deadline = Number.POSITIVE_INFINITY;
      this.#expire();
    }
    this.now = until;
  }
}

t('news leaves in order, none before its least delay or after its most, however much of it there is', () => {
  const server = new Server();
  const left: (readonly [number, number])[] = [];
  const watcher = new Watcher(server as unknown as LogicalProcess, 'a', [5, 40], octets =>
    left.push([octets[0]! * 256 + octets[1]!, server.now]),
  );
  const written: number[] = [];
  for (let i = 0; i < 1000; i++) {
    // Bursts that outgrow the circle at any place in it, and lulls that empty it.
    server.pass(server.now + (i % 97 === 0 ? 100 : i % 3));
    written.push(server.now);
    watcher.enqueue(Uint8Array.of(i >> 8, i & 255));
  }
  assert.ok(watcher.behind);
  server.pass(server.now + 100);
  assert.not(watcher.behind);
  assert.equal(
    left.map(([number]) => number),
    written.map((_, i) => i),
  );
  for (const [number, at] of left) assert.ok(at - written[number]! >= 5 && at - written[number]! <= 40);
});

t('who has subscribed anew hears nothing of before', () => {
  const server = new Server();
  const left: number[] = [];
  const watcher = new Watcher(server as unknown as LogicalProcess, 'a', [5, 40], octets =>
    left.push(octets[0]!),
  );
  for (let i = 0; i < 20; i++) watcher.enqueue(Uint8Array.of(i));
  watcher.stop();
  assert.not(watcher.behind);
  server.pass(100);
  watcher.enqueue(Uint8Array.of(77));
  server.pass(200);
  assert.equal(left, [77]);
});

t.run();
