/**
 * The built wallet, served by the cloud: one origin for pages and API, so no CORS anywhere.
 *
 * Owns: caching, the Content-Security-Policy and the fall-back to the app's one page. Never: lists folders or leaves
 * the wallet's own folder.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Context } from 'hono';
import type { RegisterRoutes } from '../context.ts';
import { problem } from '../http/problem.ts';

const YEAR_SECONDS = 31_536_000;

/** What a page of the wallet may do. Kiosks are named exactly; insecure addresses stay as they are. */
export function contentSecurityPolicy(kioskOrigins: readonly string[]): string {
  return [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    `connect-src 'self' ${kioskOrigins.join(' ')}`.trim(),
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

export function cacheControl(path: string): string {
  // Vite puts a hash of the content into these names; everything else may change under its name.
  return /\/assets\/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/.test(path)
    ? `public, max-age=${YEAR_SECONDS}, immutable`
    : 'no-cache';
}

function isPageRequest(c: Context): boolean {
  const last = c.req.path.split('/').at(-1) ?? '';
  return !last.includes('.') && (c.req.header('accept') ?? '').includes('text/html');
}

export const registerWalletFiles: RegisterRoutes = (router, { config }) => {
  const root = config.walletDir;
  const policy = contentSecurityPolicy(config.kioskOrigins);
  const index = join(root, 'index.html');

  router.use('*', async (c, next) => {
    if (c.req.path.startsWith('/v1/')) return next();
    c.header('content-security-policy', policy);
    c.header('permissions-policy', 'camera=(self), geolocation=(), microphone=()');
    return next();
  });
  const files = serveStatic({
    root,
    precompressed: true,
    onFound: (path, c) => c.header('cache-control', cacheControl(path.replaceAll('\\', '/'))),
  });
  router.get('*', async (c, next) => (c.req.path.startsWith('/v1/') ? next() : files(c, next)));
  router.get('*', async (c, next) => {
    if (c.req.path.startsWith('/v1/') || !isPageRequest(c)) return next();
    const page = await readFile(index, 'utf8').catch((cause: unknown) => {
      throw problem('not_found', { detail: 'the wallet has not been built', cause });
    });
    c.header('cache-control', 'no-cache');
    return c.html(page);
  });
};
