/**
 * just-bash takes timers and more away from whatever runs while a script does, files and `sleep` included. What the lab
 * itself has to do on their behalf (ask a machine on another thread, let virtual time pass) is done out here.
 */
import { AsyncResource } from 'node:async_hooks';

const OUTSIDE = new AsyncResource('outside-of-the-script');

export const outside = <T>(body: () => Promise<T>): Promise<T> => OUTSIDE.runInAsyncScope(body);
