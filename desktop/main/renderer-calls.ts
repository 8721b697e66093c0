/**
 * The page's calls, checked and passed on. Owns the one channel that a page may use; never trusts a frame, a name or
 * a parameter, and never lets more of an error through than its code.
 */
import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebFrameMain } from 'electron';
import {
  IpcError,
  type IpcErrorCode,
  type RendererAnswer,
  type RendererCallName,
  rendererCalls,
  type RendererEvent,
  type RendererResult,
  windowCalls,
} from '../ipc/index.ts';
import type { AgentClient } from '../ipc/agent-client.ts';
import { isAppUrl } from './app-protocol.ts';

export const CALL_CHANNEL = 'tiki:call';
export const SUBSCRIBE_CHANNEL = 'tiki:subscribe';
export const EVENT_CHANNEL = 'tiki:event';

export interface RendererCallsOptions {
  agent: Pick<AgentClient, 'relay'>;
  windowInfo: () => RendererResult<'window.info'>;
  newestEvent: () => RendererEvent;
}

type Sender = Pick<WebFrameMain, 'url' | 'parent'> | null | undefined;

/** Only the top frame of this app's own page is heard. */
export function isTrustedSender(frame: Sender): boolean {
  return frame !== null && frame !== undefined && frame.parent === null && isAppUrl(frame.url);
}

export function serveRenderer(ipcMain: IpcMain, options: RendererCallsOptions): void {
  ipcMain.handle(CALL_CHANNEL, (event: IpcMainInvokeEvent, name: unknown, params: unknown) =>
    answerCall(event.senderFrame, name, params, options),
  );
  // The newest event goes out on the channel of all the others, so that it can never overtake a newer one.
  ipcMain.on(SUBSCRIBE_CHANNEL, (event: IpcMainEvent) => {
    if (isTrustedSender(event.senderFrame)) event.sender.send(EVENT_CHANNEL, options.newestEvent());
  });
}

/** Never rejects: a page sees an envelope whatever it sent. */
export async function answerCall(
  frame: Sender,
  name: unknown,
  params: unknown,
  options: Pick<RendererCallsOptions, 'agent' | 'windowInfo'>,
): Promise<RendererAnswer<unknown>> {
  if (!isTrustedSender(frame)) return refusal('not_permitted');
  if (!isRendererCall(name)) return refusal('call_invalid');
  try {
    if (isWindowCall(name)) {
      if (!windowCalls[name].params.safeParse(params).success) return refusal('call_invalid');
      return { ok: true, value: options.windowInfo() };
    }
    return { ok: true, value: await options.agent.relay(name, params) };
  } catch (error) {
    if (!(error instanceof IpcError)) return refusal('internal_error');
    return error.retryAfterMs === undefined
      ? refusal(error.code)
      : { ok: false, code: error.code, retryAfterMs: error.retryAfterMs };
  }
}

function isRendererCall(name: unknown): name is RendererCallName {
  return typeof name === 'string' && Object.hasOwn(rendererCalls, name);
}

function isWindowCall(name: RendererCallName): name is keyof typeof windowCalls {
  return Object.hasOwn(windowCalls, name);
}

function refusal(code: IpcErrorCode): RendererAnswer<never> {
  return { ok: false, code };
}
