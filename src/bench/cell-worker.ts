/** The pool's task: one lab from boot to its numbers, in this thread. */
import type { Measured } from './cell.ts';
import { measure, type Task } from './measure.ts';

export default (task: Task): Promise<Measured> => measure(task);
