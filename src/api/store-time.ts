/** Text forms of the virtual wall clock. */

/** RFC 3339 in whole seconds, UTC, of milliseconds since 1970: `2024-09-22T01:52:31Z`. */
export const formatTimestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** Milliseconds since 1970 of an RFC 3339 text. Throws when it is not one. */
export function parseTimestamp(text: string): number {
  const ms = new Date(text).getTime();
  if (Number.isNaN(ms)) throw new Error(`not a timestamp: ${text}`);
  return ms;
}
