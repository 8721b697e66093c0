/**
 * `GET /v1/docs`: the OpenAPI document as a page to read and try, from files of an npm package on this server.
 *
 * Owns: the page's policy. Never: a script, style or call from elsewhere, nor one inline.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { RegisterRoutes } from '../context.ts';

const PATH = '/v1/docs';
const require = createRequire(import.meta.url);
const folder = dirname(require.resolve('swagger-ui-dist/package.json'));

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TikiWallet cloud API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${PATH}/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="${PATH}/swagger-ui-bundle.js"></script>
<script src="${PATH}/open.js"></script>
</body>
</html>
`;
/** No validator: that would tell another site which addresses this server has. */
const OPEN = `SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#page', validatorUrl: null, deepLinking: true });\n`;

/** The viewer sets styles on elements and draws its icons from data addresses. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const FILES = [
  { name: 'swagger-ui-bundle.js', type: 'text/javascript; charset=utf-8' },
  { name: 'swagger-ui.css', type: 'text/css; charset=utf-8' },
] as const;

export const registerDocsPage: RegisterRoutes = (router) => {
  router.get(PATH, (c) => {
    c.header('content-security-policy', POLICY);
    return c.html(PAGE);
  });
  router.get(`${PATH}/open.js`, (c) =>
    c.body(OPEN, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  );
  for (const { name, type } of FILES) {
    router.get(`${PATH}/${name}`, async (c) =>
      c.body(await readFile(join(folder, name)), 200, {
        'content-type': type,
        'cache-control': 'public, max-age=3600',
      }),
    );
  }
};
