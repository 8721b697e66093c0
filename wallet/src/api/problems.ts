/** What can go wrong between the wallet and the cloud: one error type, closed codes, never a message to branch on. */
import type { Problem } from '@tikiwallet/server/contract';
import { WalletError, type ErrorCode } from '../pay/codes.ts';

export class ApiError extends WalletError {
  /** 0 when there was no answer at all. */
  readonly status: number;
  readonly retryAfterMs: number | null;
  /** For support: names the request in the server's logs. */
  readonly requestId: string | null;
  constructor(
    code: ErrorCode,
    details: { status: number; retryAfterMs?: number | null; requestId?: string | null; cause?: unknown },
  ) {
    super(code, details.cause === undefined ? {} : { cause: details.cause });
    this.name = 'ApiError';
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.requestId = details.requestId ?? null;
  }

  /** Nobody knows whether the write happened: keep its key and send it again. */
  get isUndecided(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500;
  }

  get isOffline(): boolean {
    return this.code === 'network_unreachable';
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string';
}

export async function readProblem(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  if (!isProblem(body)) {
    return new ApiError(response.status >= 500 ? 'service_unavailable' : 'answer_not_understood', {
      status: response.status,
    });
  }
  return new ApiError(body.code, {
    status: response.status,
    retryAfterMs: body.retryAfterMs ?? null,
    requestId: body.requestId ?? null,
  });
}
