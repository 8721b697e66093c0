/** What the preload script puts on the page's window; see desktop/ipc/renderer-contract.ts. */
import type { TikiBridge } from '../ipc/renderer-contract.ts';

declare global {
  interface Window {
    readonly tiki: TikiBridge;
  }
}
