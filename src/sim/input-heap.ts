/**
 * A process's inputs that hold frames, by when their oldest arrives: a binary heap in `FrameStore.records`. An input is
 * known by the place of its record (link.ts), and times lie beside them: to compare two takes no look at either, unless
 * they are equal.
 *
 *   | time 0 | input 0 | time 1 | input 1 | …          a cell each
 */

import type { Frame, FrameStore } from './frame-store.ts';
import * as Frames from './frame-store.ts';
import * as Link from './link-record.ts';
import type { NumberRecords } from './number-records.ts';
import * as Numbers from './number-records.ts';
import * as ProcessRecord from './process-record.ts';
import * as Time from './time.ts';

const { ARRIVAL, HEAP, HEAP_SIZE, INPUTS } = ProcessRecord;
const { HEAD, ORDER } = Link;
const { NO_FRAME } = Frames;
const { RECORD } = Numbers;
const { NEVER } = Time;

/** Cells of an entry. */
const ENTRY = 2;

/** Entries that a heap has room for from the first input on; then as many as the next power of two. */
const LEAST_ROOM = 4;

/** There is one input more at `process` from now on: later nothing is allocated. */
export function extendInputs(records: NumberRecords, process: number): void {
  const inputs = records.words[2 * process + INPUTS]!++;
  if (inputs > 0 && (inputs < LEAST_ROOM || (inputs & (inputs - 1)) !== 0)) return;
  const heap = records.reserve((Math.max(LEAST_ROOM, 2 * inputs) * ENTRY) / RECORD);
  const old = records.words[2 * process + HEAP]!;
  records.cells.copyWithin(heap, old, old + inputs * ENTRY);
  records.words[2 * process + HEAP] = heap;
}

/** The input whose frame is next; of no meaning when there is none. */
export const firstInput = ({ words }: NumberRecords, process: number): number =>
  words[2 * (words[2 * process + HEAP]! + 1)]!;

/** `input`, which was empty, has a frame. Is it the next one of `process`? */
export function insertInput({ records, time }: FrameStore, process: number, input: number): boolean {
  const { cells, words } = records;
  const heap = words[2 * process + HEAP]!;
  const arrival = time[words[2 * input + HEAD]!]!;
  let at = words[2 * process + HEAP_SIZE]!++;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const other = cells[heap + ENTRY * parent]!;
    const above = words[2 * (heap + ENTRY * parent + 1)]!;
    if (other < arrival || (other === arrival && cells[above + ORDER]! < cells[input + ORDER]!)) break;
    cells[heap + ENTRY * at] = other;
    words[2 * (heap + ENTRY * at + 1)] = above;
    at = parent;
  }
  cells[heap + ENTRY * at] = arrival;
  words[2 * (heap + ENTRY * at + 1)] = input;
  if (at > 0) return false;
  cells[process + ARRIVAL] = arrival;
  return true;
}

/** Take the next frame of `process`, which is that of `firstInput`. */
export function takeFrame({ records, next, time }: FrameStore, process: number): Frame {
  const { cells, words } = records;
  const heap = words[2 * process + HEAP]!;
  const input = words[2 * (heap + 1)]!;
  const frame = words[2 * input + HEAD]!;
  const head = next[frame]!;
  words[2 * input + HEAD] = head;
  if (head !== NO_FRAME) cells[heap] = time[head]!;
  else if (--words[2 * process + HEAP_SIZE]! > 0) {
    const last = heap + ENTRY * words[2 * process + HEAP_SIZE]!;
    cells[heap] = cells[last]!;
    words[2 * (heap + 1)] = words[2 * (last + 1)]!;
  } else cells[heap] = NEVER;
  if (words[2 * process + HEAP_SIZE]! > 1) sinkFirst(records, heap, words[2 * process + HEAP_SIZE]!);
  cells[process + ARRIVAL] = cells[heap]!;
  return frame;
}

/** The first of `size` entries goes down to where it belongs. */
function sinkFirst({ cells, words }: NumberRecords, heap: number, size: number): void {
  const time = cells[heap]!;
  const input = words[2 * (heap + 1)]!;
  let at = heap;
  for (let child = 1; child < size; ) {
    let below = heap + ENTRY * child;
    if (child + 1 < size && isBefore(cells, words, below + ENTRY, below)) {
      child++;
      below += ENTRY;
    }
    const other = cells[below]!;
    const lower = words[2 * (below + 1)]!;
    if (time < other || (time === other && cells[input + ORDER]! < cells[lower + ORDER]!)) break;
    cells[at] = other;
    words[2 * (at + 1)] = lower;
    at = below;
    child = 2 * child + 1;
  }
  cells[at] = time;
  words[2 * (at + 1)] = input;
}

/** Does the entry at `a` come before that at `b`? */
function isBefore(cells: Float64Array, words: Int32Array, a: number, b: number): boolean {
  if (cells[a]! !== cells[b]!) return cells[a]! < cells[b]!;
  return cells[words[2 * (a + 1)]! + ORDER]! < cells[words[2 * (b + 1)]! + ORDER]!;
}
