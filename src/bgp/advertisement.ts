/** What peers are told of one path: made once for all of them, and its UPDATE written once. */
import type { PathAttributes } from '../wire/bgp/attributes.ts';
import * as Header from '../wire/bgp/header.ts';
import * as Update from '../wire/bgp/update.ts';
import type { Batch, MessageLog } from './message-log.ts';
import { keyOf, type Protocol } from './route.ts';

/** How UPDATEs are written on a session. */
export type Encoding = Pick<Update.UpdateContext, 'as4' | 'addPath'>;

export class Advertisement {
  /** `keyOf(nlri.prefix)`. */
  readonly key: number;
  readonly nlri: Update.Nlri;
  /** Interned. */
  readonly attributes: PathAttributes;
  /** Who brought the route, and is not told of it. */
  readonly from: Protocol;
  #alone: Uint8Array | undefined;

  constructor(nlri: Update.Nlri, attributes: PathAttributes, from: Protocol) {
    this.key = keyOf(nlri.prefix);
    this.nlri = nlri;
    this.attributes = attributes;
    this.from = from;
  }

  /** The UPDATE that carries nothing else. Whoever holds an advertisement writes it one way. */
  alone(encoding: Encoding): Uint8Array {
    this.#alone ??= written(Update.make([], this.attributes, [this.nlri]), encoding);
    return this.#alone;
  }
}

const written = (update: Update.UpdateMessage, encoding: Encoding): Uint8Array =>
  Header.wrap(Header.MessageType.Update, Update.encode(update, encoding));

/**
 * The UPDATEs that bring a peer up to date: withdrawals first, then one for each attribute set, or as many as its
 * destinations ask for. They go into `log`. `undefined` when there is nothing to be said.
 */
export function batch(
  withdrawn: readonly Update.Nlri[],
  advertised: readonly Advertisement[],
  encoding: Encoding,
  log: MessageLog,
): Batch | undefined {
  const messages: Uint8Array[] = [];
  if (withdrawn.length > 0)
    for (const update of Update.pack('withdrawn', withdrawn, {}, encoding))
      messages.push(written(update, encoding));
  for (const group of byAttributes(advertised)) {
    const [first] = group;
    if (group.length === 1) messages.push(first!.alone(encoding));
    else {
      const nlri = group.map(one => one.nlri);
      for (const update of Update.pack('reachable', nlri, first!.attributes, encoding))
        messages.push(written(update, encoding));
    }
  }
  return log.add(messages);
}

/** In the order in which the attribute sets come first. */
function byAttributes(advertised: readonly Advertisement[]): Iterable<readonly Advertisement[]> {
  if (advertised.length === 1) return [advertised];
  const groups = new Map<PathAttributes, Advertisement[]>();
  for (const one of advertised) {
    const group = groups.get(one.attributes);
    if (group === undefined) groups.set(one.attributes, [one]);
    else group.push(one);
  }
  return groups.values();
}
