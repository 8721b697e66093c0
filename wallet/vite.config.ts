/**
 * How the wallet is built: Preact, code split so that the first load stays small, and a service worker that
 * precaches everything (the QR decoder's WebAssembly too) so that the wallet opens from cold without a network.
 * The service worker answers only what it precached and the one page: never `/v1/*`, never another origin.
 */
import process from 'node:process';
import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

const apiOrigin = process.env['TIKI_SERVER_ORIGIN'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { port: 5173, proxy: { '/v1': { target: apiOrigin, xfwd: true } } },
  preview: { port: 4173, proxy: { '/v1': { target: apiOrigin, xfwd: true } } },
  worker: { format: 'es' },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['es2022', 'chrome109', 'firefox115', 'safari16.4'],
    // The wallet's content security policy allows no data: scripts; small assets stay files.
    assetsInlineLimit: 0,
    // The protocol package only declares; what a screen does not use must not ride along with the first load.
    rolldownOptions: {
      treeshake: { moduleSideEffects: [{ test: /protocol\/src|cborg/, sideEffects: false }] },
    },
  },
  plugins: [
    VitePWA({
      strategies: 'generateSW',
      // A new version waits until the person agrees: a page that is paying is never reloaded under their hands.
      registerType: 'prompt',
      injectRegister: false,
      manifest: {
        id: '/',
        name: 'TikiWallet',
        short_name: 'TikiWallet',
        description: 'Pay in shops with or without internet.',
        start_url: '/',
        scope: '/',
        display: 'standalone',
        orientation: 'portrait',
        background_color: '#f5f3ed',
        theme_color: '#0c5b50',
        icons: [
          { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' },
          { src: 'icon-192.png', sizes: '192x192', type: 'image/png' },
          { src: 'icon-512.png', sizes: '512x512', type: 'image/png' },
          { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        ],
      },
      workbox: {
        globPatterns: ['**/*.{html,js,css,svg,png,wasm,webmanifest}'],
        maximumFileSizeToCacheInBytes: 2_500_000,
        navigateFallback: 'index.html',
        // Only the wallet's own page: stand-ins, documents and the API are answered by the server itself.
        navigateFallbackAllowlist: [/^\/(?:index\.html|return)?(?:\?.*)?$/],
        runtimeCaching: [],
        cleanupOutdatedCaches: true,
        // The page of the first visit as well: without it, what that page has not fetched yet would need the network until
        // somebody reloads it. A later version still waits for the person, since it does not skip waiting.
        clientsClaim: true,
        skipWaiting: false,
        sourcemap: false,
      },
    }),
  ],
});
