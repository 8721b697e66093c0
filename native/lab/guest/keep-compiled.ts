// Loaded before every program in the lab's machine. Where each instruction is emulated, parsing is most of a program's
// start: what one has compiled is written down soon, since most of them are killed and never end by themselves.

import { flushCompileCache } from 'node:module';

for (const afterMs of [2_000, 6_000, 15_000]) setTimeout(flushCompileCache, afterMs).unref();
