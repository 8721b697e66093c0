/**
 * Serves the built pages at `app://tikiwallet/`: their files, their headers and nothing beside the pages' folder.
 * Owns the Content-Security-Policy; never serves a path that a page made up.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

export const APP_SCHEME = 'app';
export const APP_HOST = 'tikiwallet';
export const APP_URL = `${APP_SCHEME}://${APP_HOST}/`;
/** Stands in index.html where each answer's own nonce goes. */
export const NONCE_PLACEHOLDER = '__CSP_NONCE__';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** True for pages of this app and for nothing else: `app://tikiwallet.evil/` and `app://x@tikiwallet/` are not. */
export function isAppUrl(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return (
    parsed !== undefined &&
    parsed.protocol === `${APP_SCHEME}:` &&
    parsed.host === APP_HOST &&
    parsed.username === '' &&
    parsed.password === ''
  );
}

/** The file behind a URL, or undefined when there is none that may be served. */
export function resolveAppFile(root: string, url: string): string | undefined {
  if (!isAppUrl(url)) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(new URL(url).pathname);
  } catch {
    // A stray percent sign: no file of ours is called that.
    return undefined;
  }
  // The names that the build gives its files; no dot file, no parent, no NUL, no backslash can be spelled with them.
  const relative = path === '/' ? '/index.html' : path;
  if (!/^(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/.test(relative)) return undefined;
  const file = join(root, ...relative.split('/'));
  return file.startsWith(root.endsWith(sep) ? root : root + sep) ? file : undefined;
}

/** The decoder of QR codes, under the name that the build gives it. */
const DECODER = /^\/assets\/decode-worker-[A-Za-z0-9_-]+\.js$/;

/**
 * A worker lives under the policy of its own file: only the decoder may compile WebAssembly and fetch it from this
 * app, and the page, which can call the agent, may do neither.
 */
const DECODER_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "connect-src 'self'",
  "base-uri 'none'",
].join('; ');

export function policyFor(url: string, nonce: string): string {
  return DECODER.test(new URL(url).pathname) ? DECODER_POLICY : contentSecurityPolicy(nonce);
}

/** Mantine writes its theme into one style element, hence the nonce; no inline script, no network at all. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "media-src 'self' blob:",
    "connect-src 'none'",
    "object-src 'none'",
    "frame-src 'none'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The handler for `protocol.handle`. `root` holds the renderer's build. */
export function serveApp(
  root: string,
  makeNonce: () => string = () => randomBytes(16).toString('base64'),
): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET') return refuse(405);
    const file = resolveAppFile(root, request.url);
    const type = file === undefined ? undefined : MEDIA_TYPES[extname(file)];
    if (file === undefined || type === undefined) return refuse(404);
    const content = await readFile(file).catch(() => undefined);
    if (content === undefined) return refuse(404);
    const nonce = makeNonce();
    const isPage = type.startsWith('text/html');
    const body = isPage
      ? content.toString('utf8').replaceAll(NONCE_PLACEHOLDER, nonce)
      : new Uint8Array(content);
    return new Response(body, { status: 200, headers: headersOf(type, policyFor(request.url, nonce)) });
  };
}

function headersOf(type: string, policy: string): Record<string, string> {
  return {
    'Content-Type': type,
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
}

function refuse(status: number): Response {
  return new Response(null, { status, headers: { 'Content-Security-Policy': "default-src 'none'" } });
}
