// `npm run setup`: fetches now what the other commands would fetch when they first
// need it (Debian packages, an Electron, the builds), for machines that go offline later.

import process from 'node:process';
import { ensureBuilt } from './build.ts';
import { findElectron } from './electron-runtime.ts';
import { ensureSystemPackages } from './system-packages.ts';

try {
  await ensureSystemPackages(['desktop', 'browser']);
  const electron = await findElectron({ retryOfficial: true });
  console.log(`Electron ${electron.version} (${electron.origin}): ${electron.executablePath}`);
  await ensureBuilt();
  console.log('Ready. Next: npm start');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
