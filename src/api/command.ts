/** What the outside (calicoctl, kubectl) asks of the API server, as journal commands: plain data both ways. */
import type { ErrorCode, Op } from '../calico/datastore.ts';
import type { Kind, Resource } from '../calico/resources/kinds.ts';
import type { Problem } from '../calico/resources/meta.ts';
import type { VirtualTime } from '../sim/time.ts';
import type { ApplyOutcome } from './store.ts';
import type { PatchType } from './store-patch.ts';

export type ApiCommand =
  | { readonly do: 'create' | 'replace' | 'apply'; readonly object: Resource }
  | {
      readonly do: 'patch';
      readonly kind: Kind;
      readonly name: string;
      readonly namespace?: string;
      readonly type: PatchType;
      readonly patch: unknown;
    }
  | { readonly do: 'delete' | 'get'; readonly kind: Kind; readonly name: string; readonly namespace?: string }
  | { readonly do: 'list'; readonly kind: Kind; readonly namespace?: string }
  | { readonly do: 'op'; readonly op: Op }
  | { readonly do: 'status' };

/** What convergence asks of the API server. */
export interface ApiStatus {
  /** When something was last written. */
  readonly lastChange: VirtualTime;
  /** Nodes that have not yet heard of every change. */
  readonly missing: readonly string[];
}

export type ApiReply =
  | {
      readonly ok: true;
      readonly object?: Resource;
      readonly items?: readonly Resource[];
      readonly outcome?: ApplyOutcome;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly problems?: readonly Problem[];
    };
