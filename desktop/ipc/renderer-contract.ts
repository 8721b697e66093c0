/**
 * The whole surface between a window and Electron's main process. Most calls are the agent's, passed on; the few
 * of the window itself stand here. `agent.hello` is not among them: a page never speaks for the main process.
 */
import { z } from 'zod';
import { agentCalls, AgentState } from './agent-contract.ts';

const { 'agent.hello': _hello, ...passedOn } = agentCalls;

export const windowCalls = {
  'window.info': {
    params: z.object({}),
    result: z.object({
      appVersion: z.string(),
      /** `kiosk`: full screen, locked; `desktop`: an ordinary window. */
      mode: z.enum(['kiosk', 'desktop']),
      /** BCP 47, the operating system's. */
      locale: z.string(),
    }),
  },
} as const;

export const rendererCalls = { ...passedOn, ...windowCalls } as const;
export type RendererCalls = typeof rendererCalls;
export type RendererCallName = keyof RendererCalls;
export type RendererParams<N extends RendererCallName> = z.input<RendererCalls[N]['params']>;
export type RendererResult<N extends RendererCallName> = z.output<RendererCalls[N]['result']>;

/** What main sends to the page. `agentLost` means: no answer from the agent, do not hand over goods. */
export const RendererEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('agentState'), state: AgentState }),
  z.object({ type: z.literal('agentLost'), since: z.iso.datetime() }),
]);
export type RendererEvent = z.infer<typeof RendererEvent>;

/** The envelope of a call's answer: errors keep their code across contextBridge. */
export type RendererAnswer<T> =
  | { ok: true; value: T }
  | { ok: false; code: string; retryAfterMs?: number | undefined };

/** What the preload script exposes as `window.tiki`; nothing generic beside it. */
export interface TikiBridge {
  call<N extends RendererCallName>(
    name: N,
    params: RendererParams<N>,
  ): Promise<RendererAnswer<RendererResult<N>>>;
  /** Subscribes and returns the unsubscribe; the newest event is delivered at once. */
  onEvent(listener: (event: RendererEvent) => void): () => void;
}
