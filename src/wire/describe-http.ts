/**
 * The part of `describe` for HTTP: the request or status line, with `-v` the whole header. A segment that does not
 * begin with one (the rest of a body) is only named.
 */
import type { Dissection } from './dissection.ts';

const METHODS: readonly string[] = [
  'GET',
  'PUT',
  'COPY',
  'HEAD',
  'LOCK',
  'MOVE',
  'POLL',
  'POST',
  'BCOPY',
  'BMOVE',
  'MKCOL',
  'TRACE',
  'LABEL',
  'MERGE',
  'DELETE',
  'SEARCH',
  'UNLOCK',
  'REPORT',
  'UPDATE',
  'NOTIFY',
  'OPTIONS',
];

/** The `length` octets of TCP payload at `at`. */
export function printHttp(d: Dissection, at: number, length: number): void {
  d.protocol = 'http';
  d.print(': HTTP');
  const captured = Math.min(length, d.end - at);
  let text = '';
  for (let i = 0; i < captured; i++) text += String.fromCharCode(d.u8(at + i));
  const [first, second] = text.split(/[ \t\r\n]+/, 2);
  if (!METHODS.includes(first!.toUpperCase()) && !/^\d\d\d$/.test(second ?? '')) return;
  if (d.verbose > 0) d.print(`, length: ${length}`);
  for (let i = 0; i < text.length; ) {
    const end = text.indexOf('\n', i);
    const line = text.slice(i, end < 0 ? text.length : end).replace(/\r$/, '');
    if (/[^\t\x20-\x7e]/.test(line)) return;
    d.print(`${d.verbose > 0 ? '\n\t' : ': '}${line}`);
    if (end < 0) {
      d.print(' [|http]');
      return;
    }
    if (d.verbose === 0) return;
    i = end + 1;
  }
}
