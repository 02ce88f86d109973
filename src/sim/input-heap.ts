/**
 * A process's inputs that hold frames, by when their oldest arrives: a binary heap in `FrameStore.records`. An input is
 * known by the place of its record (link.ts), and times lie beside them: to compare two takes no look at either, unless
 * they are equal.
 *
 *   | time 0 | input 0 | time 1 | input 1 | …          a cell each; an input is a word, the first of its cell
 */

import type { Frame, FrameStore } from './frame-store.ts';
import * as Frames from './frame-store.ts';
import * as Link from './link-record.ts';
import type { NumberRecords } from './number-records.ts';
import * as Numbers from './number-records.ts';
import * as ProcessRecord from './process-record.ts';
import * as Time from './time.ts';

// Constants of this module, not imports: sim/process-record.ts says why.
const { ARRIVAL, HEAP, HEAP_SIZE, INPUTS } = ProcessRecord;
const { HEAD, ORDER } = Link;
const { NO_FRAME } = Frames;
const { RECORD } = Numbers;
const { NEVER } = Time;

/** Words of an entry, and where its input is. */
const ENTRY = 4;
const ITS_INPUT = 2;

/** Entries that a heap has room for from the first input on; then as many as the next power of two. */
const LEAST_ROOM = 4;

/** There is one input more at `process` from now on. Room is made here, so that a frame's arrival never has to. */
export function extendInputs(records: NumberRecords, process: number): void {
  const inputs = records.words[process | INPUTS]!++;
  if (inputs > 0 && (inputs < LEAST_ROOM || (inputs & (inputs - 1)) !== 0)) return;
  const heap = records.reserve((Math.max(LEAST_ROOM, 2 * inputs) * ENTRY) / RECORD);
  const old = records.words[process | HEAP]!;
  records.words.copyWithin(heap, old, old + inputs * ENTRY);
  records.words[process | HEAP] = heap;
}

/** The input whose frame is next; of no meaning when there is none. */
export const firstInput = ({ words }: NumberRecords, process: number): number =>
  words[words[process | HEAP]! | ITS_INPUT]!;

/** `input`, which was empty, has a frame. Is it the next one of `process`? */
export function insertInput({ records, time }: FrameStore, process: number, input: number): boolean {
  const { cells, words } = records;
  const heap = words[process | HEAP]!;
  const arrival = time[words[input | HEAD]!]!;
  let at = words[process | HEAP_SIZE]!++;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const entry = heap + ENTRY * parent;
    const other = cells[entry >> 1]!;
    const above = words[entry | ITS_INPUT]!;
    if (other < arrival || (other === arrival && isFirst(cells, above, input))) break;
    const below = heap + ENTRY * at;
    cells[below >> 1] = other;
    words[below | ITS_INPUT] = above;
    at = parent;
  }
  const entry = heap + ENTRY * at;
  cells[entry >> 1] = arrival;
  words[entry | ITS_INPUT] = input;
  if (at > 0) return false;
  cells[(process >> 1) | ARRIVAL] = arrival;
  return true;
}

/** Take the next frame of `process`, which is that of `firstInput`. */
export function takeFrame({ records, next, time }: FrameStore, process: number): Frame {
  const { cells, words } = records;
  const heap = words[process | HEAP]!;
  const input = words[heap | ITS_INPUT]!;
  const frame = words[input | HEAD]!;
  const head = next[frame]!;
  words[input | HEAD] = head;
  if (head !== NO_FRAME) cells[heap >> 1] = time[head]!;
  else if (--words[process | HEAP_SIZE]! > 0) {
    const last = heap + ENTRY * words[process | HEAP_SIZE]!;
    cells[heap >> 1] = cells[last >> 1]!;
    words[heap | ITS_INPUT] = words[last | ITS_INPUT]!;
  } else cells[heap >> 1] = NEVER;
  if (words[process | HEAP_SIZE]! > 1) sinkFirst(records, heap, words[process | HEAP_SIZE]!);
  cells[(process >> 1) | ARRIVAL] = cells[heap >> 1]!;
  return frame;
}

/** The first of `size` entries goes down to where it belongs. */
function sinkFirst({ cells, words }: NumberRecords, heap: number, size: number): void {
  const time = cells[heap >> 1]!;
  const input = words[heap | ITS_INPUT]!;
  let at = heap;
  for (let child = 1; child < size; ) {
    let below = heap + ENTRY * child;
    if (child + 1 < size && isBefore(cells, words, below + ENTRY, below)) {
      child++;
      below += ENTRY;
    }
    const other = cells[below >> 1]!;
    const lower = words[below | ITS_INPUT]!;
    if (time < other || (time === other && isFirst(cells, input, lower))) break;
    cells[at >> 1] = other;
    words[at | ITS_INPUT] = lower;
    at = below;
    child = 2 * child + 1;
  }
  cells[at >> 1] = time;
  words[at | ITS_INPUT] = input;
}

/** Of two inputs whose frames arrive at the same instant: does that of `a` come first? */
const isFirst = (cells: Float64Array, a: number, b: number): boolean =>
  cells[(a >> 1) | ORDER]! < cells[(b >> 1) | ORDER]!;

/** Does the entry at `a` come before that at `b`? */
function isBefore(cells: Float64Array, words: Int32Array, a: number, b: number): boolean {
  if (cells[a >> 1]! !== cells[b >> 1]!) return cells[a >> 1]! < cells[b >> 1]!;
  return isFirst(cells, words[a | ITS_INPUT]!, words[b | ITS_INPUT]!);
}
