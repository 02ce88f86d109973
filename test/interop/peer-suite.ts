/** What every real daemon must do in every role. Not a test file. */
import { assert, suite } from '../kit.ts';
import {
  DAEMON,
  eventually,
  freePort,
  HOLD_SEC,
  LAB,
  type PeerSetup,
  type RealDaemon,
  type ReceivedPath,
  sleep,
} from './daemon.ts';
import { Gate } from './gate.ts';
import { type Exchange, emulated, LiveLab, ROLES, type Role } from './roles.ts';

const LIMIT_MS = 90_000;
/** Error waits of 5 s and then 10 s lie before a session that is to come back. */
const PATIENCE_SEC = 45;

interface Context {
  twin: Exchange & { readonly told: readonly ReceivedPath[] };
  live: LiveLab;
  daemon: RealDaemon;
  /** Whoever connects, its peer is behind one of these. */
  gates: { toDaemon: Gate | undefined; toLab: Gate | undefined };
}

export interface DaemonKind {
  readonly name: string;
  /** Throws when it is not to be had. */
  install(): void;
  make(setup: PeerSetup): RealDaemon;
}

/** Register the tests of one daemon. */
export function interop(kind: DaemonKind): { run(): void } {
  const suites = ROLES.map(role => {
    const t = suite<Context>(`interop/${kind.name} as ${role.name}`, undefined, LIMIT_MS);
    t.after(async context => {
      if (process.env['INTEROP_LOG']) console.error(context.daemon?.log);
      await tearDown(context);
    });

    const established = ({ live, daemon }: Context): Promise<true> =>
      eventually('Established, at both ends', PATIENCE_SEC, async () => {
        if ((await live.session()).state !== 'Established') return undefined;
        return (await daemon.established()) || undefined;
      });
    const given = ({ live }: Context, text: string): Promise<unknown> =>
      eventually(text, 3 * HOLD_SEC, async () => (await live.session()).info.includes(text) || undefined);
    const settled = (context: Context): Promise<void> => sameRoutes(context);

    t('is Established', async context => {
      // Not in `before`: hooks have no limit of their own, and packages may have to be fetched.
      kind.install();
      await setUp(context, kind, role);
      await established(context);
    });

    t('is told what the emulated peer is told', async ({ daemon, twin }) => {
      const wanted = canonical(twin.told, role);
      await eventually('the same paths', 10, async () => {
        assert.equal(canonical(await daemon.received(), role), wanted);
        return true;
      });
    });

    t('tells what the emulated peer tells', settled);

    t('a NOTIFICATION ends the session and takes its routes; it comes back', async context => {
      const { live, daemon, twin } = context;
      await daemon.disable();
      await given(context, 'Received: Administrative shutdown');
      const { learnt, kernel } = await live.exchange();
      assert.is(learnt.split('\n').length, 1, learnt);
      assert.ok(kernel.length < twin.kernel.length);
      await daemon.enable();
      await established(context);
      await settled(context);
    });

    t('graceful restart: the routes outlive the daemon', async context => {
      const { live, daemon } = context;
      live.removed.length = 0;
      await daemon.kill();
      await eventually('it is missed', 5, async () =>
        (await live.session()).state === 'Established' ? undefined : true,
      );
      await sleep(1000);
      await sameRoutes(context, { stale: true });
      await start(context);
      await established(context);
      await settled(context);
      await sleep(2500);
      await settled(context);
      assert.equal(live.removed, []);
    });

    t(
      'a peer that falls silent is given up with a NOTIFICATION when the hold time is over',
      async context => {
        cut(context, 'from the daemon');
        await given(context, 'BGP Error: Hold timer expired');
        // The peer must hear of it before the wire is cut: to a helper of graceful restart, a connection that just
        // ends means to wait, and FRR waits until the other side dials.
        await eventually('the peer heard', HOLD_SEC, async () =>
          (await context.daemon.established()) ? undefined : true,
        );
        mend(context);
        await established(context);
        await settled(context);
      },
    );

    t('a lab that falls silent is given up by the peer when the hold time is over', async context => {
      cut(context, 'to the daemon');
      await given(context, 'Received: Hold timer expired');
      mend(context);
      await established(context);
      await settled(context);
    });

    return t;
  });
  return {
    run: () => {
      for (const t of suites) t.run();
    },
  };
}

async function setUp(context: Context, kind: DaemonKind, role: Role): Promise<void> {
  context.twin = await emulated(role);
  const port = await freePort(DAEMON);
  const gatePort = role.labConnects ? await freePort(LAB) : undefined;
  context.live = await LiveLab.start(role, gatePort);
  await context.live.live();
  const toDaemon =
    gatePort === undefined
      ? undefined
      : await Gate.open({ host: LAB, port: gatePort, to: { host: DAEMON, port }, from: LAB });
  const labPort = role.peerConnects ? await freePort(LAB) : undefined;
  const toLab =
    labPort === undefined
      ? undefined
      : await Gate.open({ host: LAB, port: labPort, to: context.live.attachment.listening!, from: DAEMON });
  context.gates = { toDaemon, toLab };
  context.daemon = kind.make({
    as: role.peerAs,
    address: role.peer,
    labAs: 64512,
    labPort,
    port,
    announces: prefixesIn(context.twin.learnt),
  });
  await start(context);
}

/** Nobody meets the daemon before it has something to announce: its End-of-RIB would come too soon. */
async function start({ daemon, gates }: Context): Promise<void> {
  const both = [gates.toDaemon, gates.toLab].filter(gate => gate !== undefined);
  for (const gate of both) gate.isShut = true;
  await daemon.start();
  for (const gate of both) gate.isShut = false;
}

async function tearDown({ live, daemon, gates }: Context): Promise<void> {
  await live?.close();
  await gates?.toDaemon?.close();
  await gates?.toLab?.close();
  await daemon?.close();
}

function cut({ gates }: Context, way: 'to the daemon' | 'from the daemon'): void {
  gates.toDaemon?.cut(way === 'to the daemon' ? 'forth' : 'back');
  gates.toLab?.cut(way === 'to the daemon' ? 'back' : 'forth');
}

function mend({ gates }: Context): void {
  gates.toDaemon?.mend();
  gates.toLab?.mend();
}

/** The node has of the real peer what it has of the emulated one, in BIRD and in the kernel. */
async function sameRoutes({ live, twin }: Context, { stale = false } = {}): Promise<void> {
  await eventually('the same routes', 10, async () => {
    const { learnt, kernel } = await live.exchange();
    // While the peer restarts, BIRD marks its routes: `(100s/0)`.
    assert.is(canonicalText(stale ? learnt.replaceAll('s/', '/') : learnt), canonicalText(twin.learnt));
    assert.equal(kernel, twin.kernel);
    return true;
  });
}

const prefixesIn = (text: string): string[] => [...text.matchAll(/^\d\S+/gm)].map(match => match[0]);

/** A missing MULTI_EXIT_DISC is the lowest, 0 (RFC 4271 §9.1.2.2): FRR says so, BIRD leaves it out. */
const canonicalText = (text: string): string => text.replace(/\n\tBGP\.med: 0$/gm, '');

/** LOCAL_PREF is a matter inside an AS; what a daemon puts in its place outside is its own. */
function canonical(paths: readonly ReceivedPath[], role: Role): unknown[] {
  return paths
    .map(({ localPref, ...path }) => (role.peerAs === 64512 ? { ...path, localPref } : path))
    .sort((a, b) => (a.prefix < b.prefix ? -1 : 1))
    .map(path => Object.fromEntries(Object.entries(path).sort()));
}
