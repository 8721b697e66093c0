// The protocol's vectors in a real Chromium: the wallet's side of the suite that the agent and the server run in Node.

import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { type Browser, chromium } from 'playwright-core';
import { build, loadConfigFromFile } from 'vite';
import { sandboxFlags } from '../../scripts/electron-runtime.ts';
import { findProgram } from '../../scripts/system-packages.ts';
import { readVectors } from '../../protocol/scripts/read-vectors.ts';
import type { SuiteResult } from '../../protocol/scripts/vector-suite.ts';

const root = join(import.meta.dirname, '..', '..');

/** One script, with the target and the tree shaking of the wallet's own build. */
async function bundle(): Promise<string> {
  const loaded = await loadConfigFromFile(
    { command: 'build', mode: 'production' },
    join(root, 'wallet', 'vite.config.ts'),
  );
  const wallet = loaded?.config.build ?? {};
  const result = await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      write: false,
      target: wallet.target ?? 'es2022',
      rolldownOptions: wallet.rolldownOptions ?? {},
      lib: {
        entry: join(root, 'e2e', 'story', 'vectors-in-browser.ts'),
        formats: ['iife'],
        name: 'vectors',
      },
    },
  });
  const outputs = Array.isArray(result) ? result.flatMap(({ output }) => output) : [];
  const script = outputs.find((output) => output.type === 'chunk');
  if (script?.type !== 'chunk') throw new Error('the bundle has no script');
  return script.code;
}

async function serve(script: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/vectors.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.setHeader('content-security-policy', "default-src 'none'; script-src 'self'");
    response.end(
      isScript ? script : '<!doctype html><title>vectors</title><script src="/vectors.js"></script>',
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { server, url: `http://127.0.0.1:${String(address.port)}/` };
}

test('R21 R22 R23 every vector of the protocol holds in the browser, on its WebCrypto', async () => {
  const { server, url } = await serve(await bundle());
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({
      executablePath: findProgram('chromium') ?? 'chromium',
      args: ['--disable-gpu', '--disable-background-networking', '--no-first-run', ...sandboxFlags()],
    });
    const page = await browser.newPage();
    await page.goto(url);
    const files = readVectors();
    // As text both ways: the page gets what a file holds.
    const answer = await page.evaluate(
      async (given) => JSON.stringify(await globalThis.runProtocolVectors(JSON.parse(given))),
      JSON.stringify(files),
    );
    const { vectors, disagreements }: SuiteResult = JSON.parse(answer);
    expect(disagreements).toEqual([]);
    const all = Object.values(files).reduce(
      (sum, { valid, invalid }) => sum + valid.length + invalid.length,
      0,
    );
    expect(vectors).toBe(all);
    expect(all).toBeGreaterThan(1_000);
  } finally {
    await browser?.close();
    server.close();
  }
});
