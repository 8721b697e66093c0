/** How the window is built: main as a module, preload as the CommonJS that a sandbox demands, the pages as static files. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import { resolve } from 'node:path';

const here = import.meta.dirname;

export default defineConfig({
  main: {
    build: {
      outDir: resolve(here, 'out/main'),
      // Everything is bundled: the package then needs no node_modules, and nothing is loaded that was not built.
      externalizeDeps: false,
      rolldownOptions: {
        input: resolve(here, 'main/index.ts'),
        output: { format: 'es', entryFileNames: '[name].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: resolve(here, 'out/preload'),
      externalizeDeps: false,
      rolldownOptions: {
        input: resolve(here, 'preload/index.ts'),
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(here, 'renderer'),
    base: '/',
    plugins: [react()],
    worker: { format: 'es' },
    build: {
      outDir: resolve(here, 'out/renderer'),
      emptyOutDir: true,
      // Files stay files: the policy allows no inline script, and fonts are served from the app's own origin.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: 'chrome130',
      minify: true,
      rolldownOptions: {
        input: resolve(here, 'renderer/index.html'),
        // The page takes a table of decimals from the protocol; its cryptography stays where the keys are.
        treeshake: { moduleSideEffects: (id) => !/@hpke|cborg|[\\/]protocol[\\/]/.test(id) },
      },
    },
  },
});
