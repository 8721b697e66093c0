/** What the log says of a request: ids and figures, never bodies, queries or addresses of people. */
import type { Asked } from './asked.ts';

export interface Answered {
  readonly status: number;
  readonly userId: string | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

export function requestLine(asked: Asked, { status, userId, startedAt }: Answered) {
  const { method, path } = asked.req;
  const requestId = asked.get('requestId');
  return {
    ...{ requestId, method, path, status, userId },
    durationMs: Math.round(performance.now() - startedAt),
  };
}
