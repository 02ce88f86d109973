/** A speaker's sessions as plain data. */
import type { Speaker } from '../bgp/speaker.ts';
import type { SessionView } from './command.ts';

export const sessionViews = (speaker: Speaker): SessionView[] =>
  [...speaker.peerings.values()].map(({ session, config, dynamic }) => ({
    name: config.name,
    peer: config.remoteAddress,
    peerAs: typeof config.remoteAs === 'number' ? config.remoteAs : speaker.localAs,
    state: session.stateName,
    info: `${session.stateName} ${session.lastError}`.trim(),
    dynamic,
    since: session.since,
  }));
