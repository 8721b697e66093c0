/**
 * How the merchant's and the operator's pages are built: one page for both, their screens apart, and the wallet's parts. The server
 * serves it at `/merchant` and `/operator` and its files under `/office/`; it works with internet only, so there is no service worker.
 */
import process from 'node:process';
import { defineConfig } from 'vite';

const apiOrigin = process.env['TIKI_SERVER_ORIGIN'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  base: '/office/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { port: 5174, proxy: { '/v1': { target: apiOrigin, xfwd: true } } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
    // The pages' content security policy allows no data: addresses.
    assetsInlineLimit: 0,
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: /protocol\/src|cborg/, sideEffects: false }] },
    },
  },
});
