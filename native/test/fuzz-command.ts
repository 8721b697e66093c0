// `npm run fuzz:native`: R13, a million hostile lines through the addon and the parsers, under ASan and UBSan.
// `npm run fuzz:native -- --lines 50000 --seed 7` is shorter, or other.

import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { fuzz } from './run-fuzz.ts';

const { values } = parseArgs({
  options: { lines: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
if (spawnSync(process.env['CXX'] ?? 'g++', ['--version'], { stdio: 'ignore' }).status !== 0) {
  console.error('There is no C++ compiler: install g++.');
  process.exit(2);
}
const { counts, seconds } = await fuzz({ lines: Number(values.lines), seed: Number(values.seed) });
console.log(`${JSON.stringify(counts)} in ${seconds.toFixed(1)} s, no report`);
