/**
 * The merchant's and the operator's pages, at `/merchant` and `/operator`: one built page and its files under `/office/`.
 *
 * Owns: their Content-Security-Policy, stricter than the wallet's: nothing inline, no other origin, no camera. Never: leaves the
 * pages' own folder, or says anything of a person; the pages ask the API for that.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Context } from 'hono';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';
import { cacheControl } from './wallet-files.ts';

export const OFFICE_PATHS = ['/merchant', '/operator'] as const;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

function limitPage(c: Context): void {
  c.header('content-security-policy', POLICY);
  c.header('permissions-policy', 'camera=(), geolocation=(), microphone=()');
}

export const registerOfficeFiles: RegisterRoutes = (router, { config }) => {
  const index = join(config.officeDir, 'index.html');
  const files = serveStatic({
    root: config.officeDir,
    precompressed: true,
    rewriteRequestPath: (path) => path.replace(/^\/office/, ''),
    onFound: (path, c) => c.header('cache-control', cacheControl(path.replaceAll('\\', '/'))),
  });
  router.get('/office/*', async (c, next) => {
    limitPage(c);
    return files(c, next);
  });
  // The wallet's page must not answer for what is not there.
  router.get('/office/*', () => {
    throw problem('not_found');
  });
  for (const path of OFFICE_PATHS) {
    router.get(path, async (c) => {
      const page = await readFile(index, 'utf8').catch((cause: unknown) => {
        throw problem('not_found', { detail: 'the pages of the office have not been built', cause });
      });
      limitPage(c);
      c.header('cache-control', 'no-cache');
      return c.html(page);
    });
  }
};
