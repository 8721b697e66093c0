// What the page of the vectors runs: the protocol as the wallet has it, on the browser's own WebCrypto. Bundled by
// the test with the wallet's build options, so that what a bundler or an old target breaks shows here.

import { runAsync, webCrypto } from '@tikiwallet/protocol';
import { runVectors, type SuiteResult } from '../../protocol/scripts/vector-suite.ts';
import type { VectorFile } from '../../protocol/scripts/vector.ts';

declare global {
  var runProtocolVectors: (files: Readonly<Record<string, VectorFile>>) => Promise<SuiteResult>;
}

const primitives = webCrypto(crypto.subtle);

globalThis.runProtocolVectors = async (files) =>
  await runVectors(files, { run: async (steps) => await runAsync(steps, primitives) });
