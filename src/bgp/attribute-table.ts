/**
 * Attribute sets, one object each: routes that say the same share it, and equality is identity. Thousands of daemons in
 * one worker learn the same sets, so the table is the worker's, and it holds them weakly. Nothing but memory depends
 * on what is in it.
 */
import * as Attributes from '../wire/bgp/attributes.ts';

const table = new Map<string, WeakRef<Attributes.PathAttributes>>();
const registry = new FinalizationRegistry<string>(key => {
  if (table.get(key)?.deref() === undefined) table.delete(key);
});

/** All that the table has given out. */
const interned = new WeakSet<Attributes.PathAttributes>();

/** The one object for everything equal to `attributes`. */
export function intern(attributes: Attributes.PathAttributes): Attributes.PathAttributes {
  if (interned.has(attributes)) return attributes;
  const key = String.fromCharCode(...Attributes.encode(attributes, true));
  const known = table.get(key)?.deref();
  if (known !== undefined) return known;
  const one = Object.freeze(attributes);
  table.set(key, new WeakRef(one));
  interned.add(one);
  registry.register(one, key);
  return one;
}
