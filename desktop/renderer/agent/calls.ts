/** Calls of this page to main, as promises that reject with a code. Repeats nothing by itself. */
import type { RendererCallName, RendererParams, RendererResult } from '../../ipc/renderer-contract.ts';

/** A call that was answered with a code; `language/codes.ts` turns the code into a sentence. */
export class CallFailed extends Error {
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  constructor(code: string, retryAfterMs?: number) {
    super(code);
    this.name = 'CallFailed';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export async function call<N extends RendererCallName>(
  name: N,
  params: RendererParams<N>,
): Promise<RendererResult<N>> {
  const answer = await window.tiki.call(name, params);
  if (answer.ok) return answer.value;
  throw new CallFailed(answer.code, answer.retryAfterMs);
}

export function codeOf(error: unknown): string {
  return error instanceof CallFailed ? error.code : 'internal_error';
}
