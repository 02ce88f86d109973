/**
 * Attribute sets, one object each: routes that say the same share it, and equality is identity. Thousands of daemons in
 * one worker learn the same sets, so the table is the worker's.
 */
import * as Attributes from '../wire/bgp/attributes.ts';
import { Shared } from './shared.ts';

const table = new Shared<Attributes.PathAttributes>();

/** All that the table has given out. */
const interned = new WeakSet<Attributes.PathAttributes>();

/** The one object for everything equal to `attributes`. */
export function intern(attributes: Attributes.PathAttributes): Attributes.PathAttributes {
  if (interned.has(attributes)) return attributes;
  return table.of(String.fromCharCode(...Attributes.encode(attributes, true)), () => {
    interned.add(attributes);
    return Object.freeze(attributes);
  });
}
