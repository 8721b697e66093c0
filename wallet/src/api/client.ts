/**
 * The way to the cloud. Owns: the access token (in memory only; the refresh token is a cookie that no script reads, and a
 * proof by the session's key stands in for a cookie that the browser lost), one refresh at a time, time-outs, and the translation of every failure into an {@link ApiError}. Never: makes an
 * idempotency key (that is done where the person decided) or repeats a write by itself.
 */
import type { Session, SessionProof } from '@tikiwallet/server/contract';
import { ApiError, readProblem } from './problems.ts';

const TIMEOUT_MS = 15_000;
/** A token about to end is renewed before it is used: the answer must not arrive too late for it. */
const RENEW_BEFORE_MS = 20_000;

/** What is known of the session: `unknown` until the cookie was asked, `none` when it is over. */
export type SessionState = 'unknown' | 'active' | 'none';

export interface ClientNeeds {
  readonly fetch: typeof fetch;
  readonly nowMs: () => number;
  /** One refresh at a time over all tabs: a rotated cookie is used once. */
  readonly withRefreshLock: <T>(work: () => Promise<T>) => Promise<T>;
  /** That the session is this browser's; null when only the cookie can tell. A proof is used once. */
  readonly prove: () => Promise<SessionProof | null>;
  readonly onSession: (state: SessionState, session: Session | null) => void;
  readonly onReachable: (reachable: boolean) => void;
  /** Which of this server's pages asks, when it is not the wallet: each has a session of its own in one browser. */
  readonly client?: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  /** Without a bearer token: before sign-in. */
  readonly anonymous?: boolean;
}

export class ApiClient {
  readonly #needs: ClientNeeds;
  #session: Session | null = null;
  #state: SessionState = 'unknown';
  #refreshing: Promise<Session> | null = null;

  constructor(needs: ClientNeeds) {
    this.#needs = needs;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** @throws ApiError */
  async call<T>(path: string, options: CallOptions = {}): Promise<T> {
    if (options.anonymous === true) return await this.#send<T>(path, options, null);
    return await this.#withToken((token) => this.#send<T>(path, options, token));
  }

  /** A file, as the cloud sends it. @throws ApiError */
  async download(path: string): Promise<Blob> {
    return await this.#withToken(async (token) => await (await this.#fetch(path, {}, token)).blob());
  }

  async #withToken<T>(work: (token: string) => Promise<T>): Promise<T> {
    const token = await this.#accessToken();
    try {
      return await work(token);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      // The server may have forgotten the token before its time; one fresh one is worth a try, a second is not.
      const renewed = this.#session?.accessToken === token ? await this.refresh() : await this.#accessToken();
      return await work(typeof renewed === 'string' ? renewed : renewed.accessToken);
    }
  }

  /** Registration and log-in answer a session. */
  take(session: Session): void {
    this.#session = session;
    this.#setState('active', session);
  }

  /** Callers that come together share one refresh and its outcome. @throws ApiError */
  refresh(): Promise<Session> {
    this.#refreshing ??= this.#needs
      .withRefreshLock(() => this.#renew())
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** After a start: asks once whether the cookie still holds. @throws ApiError */
  async refreshIfUnknown(): Promise<void> {
    if (this.#state === 'unknown') await this.refresh();
  }

  async signOut(): Promise<void> {
    try {
      await this.#send('/v1/auth/logout', { method: 'POST', body: {} }, this.#session?.accessToken ?? null);
    } finally {
      this.#session = null;
      this.#setState('none', null);
    }
  }

  async #renew(): Promise<Session> {
    const proof = await this.#needs.prove();
    const body = proof === null ? {} : { proof };
    try {
      const session = await this.#send<Session>('/v1/auth/refresh', { method: 'POST', body }, null);
      this.take(session);
      return session;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        this.#session = null;
        this.#setState('none', null);
      }
      throw error;
    }
  }

  async #accessToken(): Promise<string> {
    const session = this.#session;
    if (session !== null && Date.parse(session.accessExpiresAt) - this.#needs.nowMs() > RENEW_BEFORE_MS) {
      return session.accessToken;
    }
    return (await this.refresh()).accessToken;
  }

  #setState(state: SessionState, session: Session | null): void {
    this.#state = state;
    this.#needs.onSession(state, session);
  }

  async #send<T>(path: string, options: CallOptions, token: string | null): Promise<T> {
    const response = await this.#fetch(path, options, token);
    let text: string;
    try {
      text = await response.text();
    } catch (cause) {
      this.#needs.onReachable(false);
      throw new ApiError('network_unreachable', { status: 0, cause });
    }
    return parseAnswer<T>(text, response.status);
  }

  /** The answer's head, when it is a success. */
  async #fetch(path: string, options: CallOptions, token: string | null): Promise<Response> {
    const headers = new Headers({ accept: 'application/json' });
    if (this.#needs.client !== undefined) headers.set('tiki-client', this.#needs.client);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    if (options.body !== undefined) headers.set('content-type', 'application/json');
    if (options.idempotencyKey !== undefined) headers.set('idempotency-key', options.idempotencyKey);
    let response: Response;
    try {
      response = await this.#needs.fetch(path, {
        method: options.method ?? 'GET',
        headers,
        cache: 'no-store',
        credentials: 'same-origin',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
    } catch (cause) {
      this.#needs.onReachable(false);
      throw new ApiError('network_unreachable', { status: 0, cause });
    }
    this.#needs.onReachable(isFromApi(response));
    if (!response.ok) throw await readProblem(response);
    return response;
  }
}

/** A gateway in front of a stopped server also answers, with these; the API's own words, busy or leaving, are of having reached it. */
function isFromApi({ headers, status }: Response): boolean {
  const mediaType = headers.get('content-type')?.split(';')[0]?.trim();
  return status < 502 || status > 504 || mediaType === 'application/problem+json';
}

/** Same origin and its contract are trusted for shapes; what carries money is verified by its signature. */
function parseAnswer<T>(text: string, status: number): T {
  if (text === '') return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    // A captive portal answers 200 with a page of its own.
    throw new ApiError('answer_not_understood', {
      status: 0,
      cause: new Error(`status ${status}`, { cause }),
    });
  }
}
