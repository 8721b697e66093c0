/**
 * What the window is told about the agent, in order: a state, or that the agent is lost since when.
 * Owns the newest event; invents nothing while the agent is silent.
 */
import { type AgentClient, connectAgent } from '../ipc/agent-client.ts';
import { readFile } from 'node:fs/promises';
import type { RendererEvent } from '../ipc/index.ts';

export interface AgentLink {
  readonly client: AgentClient;
  /** Lost, until the agent has answered for the first time. */
  newest(): RendererEvent;
  close(): void;
}

export interface AgentLinkOptions {
  socketPath: string;
  tokenPath: string;
  onEvent: (event: RendererEvent) => void;
  now?: () => Date;
}

export function linkAgent(options: AgentLinkOptions): AgentLink {
  const now = options.now ?? (() => new Date());
  const client = connectAgent({
    socketPath: options.socketPath,
    token: () => readFile(options.tokenPath, 'utf8'),
    maxBackoffMs: 250,
  });
  let newest: RendererEvent = { type: 'agentLost', since: now().toISOString() };
  const tell = (event: RendererEvent): void => {
    newest = event;
    options.onEvent(event);
  };
  client.onState((state) => tell({ type: 'agentState', state }));
  client.onLost(() => tell({ type: 'agentLost', since: now().toISOString() }));
  return { client, newest: () => newest, close: () => client.close() };
}
