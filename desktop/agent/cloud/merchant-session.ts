/**
 * The merchant's session with the cloud: in memory only, refreshed before its access token ends, gone after six
 * hours or at the first word of the cloud that it is over. Selling needs none of this.
 */
import type { Session, User } from '@tikiwallet/server/contract';
import { IpcError } from '../../ipc/index.ts';
import type { CheckedParams } from '../../ipc/agent-handlers.ts';
import type { CloudApi } from './cloud-api.ts';

export interface MerchantView {
  readonly user: User;
  readonly sessionExpiresAt: string;
}

/** An access token this close to its end is changed first. */
const REFRESH_BEFORE_MS = 60_000;
const LONGEST_TIMER_MS = 2_147_483_647;

export class MerchantSession {
  readonly #api: CloudApi;
  readonly #serverNowMs: () => number;
  readonly #onChange: () => void;
  #session: Session | null = null;
  #refreshing: Promise<Session> | null = null;
  #expiry: NodeJS.Timeout | undefined;

  constructor(options: { api: CloudApi; serverNowMs: () => number; onChange: () => void }) {
    this.#api = options.api;
    this.#serverNowMs = options.serverNowMs;
    this.#onChange = options.onChange;
  }

  get view(): MerchantView | null {
    if (this.#session === null) return null;
    const { user, sessionExpiresAt } = this.#session;
    return { user, sessionExpiresAt };
  }

  async signIn(body: CheckedParams<'merchant.signIn'>): Promise<MerchantView> {
    return this.#adopt(await this.#api.signIn(body));
  }

  async verify(body: CheckedParams<'merchant.verify'>): Promise<MerchantView> {
    return this.#adopt(await this.#api.verify(body));
  }

  /** Forgets first: a merchant who walks away is signed out here, whether or not the cloud hears of it. */
  async signOut(): Promise<void> {
    const refreshToken = this.#session?.refreshToken;
    this.#set(null);
    if (refreshToken === undefined) return;
    try {
      await this.#api.signOut(refreshToken);
    } catch (error) {
      // The session then ends by itself within six hours; nobody here holds its tokens any more.
      if (!(error instanceof IpcError)) throw error;
    }
  }

  /** Runs a call with an access token that is good; once again with a new one when the cloud refuses it. */
  async authorised<T>(call: (accessToken: string) => Promise<T>): Promise<T> {
    const session = await this.#current();
    try {
      return await call(session.accessToken);
    } catch (error) {
      if (!(error instanceof IpcError) || !isOver(error)) throw error;
    }
    return call((await this.#refresh()).accessToken);
  }

  close(): void {
    clearTimeout(this.#expiry);
  }

  async #adopt(session: Session): Promise<MerchantView> {
    // Whoever works for a merchant; the cloud says what each role of the team may do.
    if (session.user.merchant === null) {
      if (session.refreshToken !== undefined) await this.#api.signOut(session.refreshToken);
      throw new IpcError('not_permitted');
    }
    this.#set(session);
    return { user: session.user, sessionExpiresAt: session.sessionExpiresAt };
  }

  async #current(): Promise<Session> {
    const session = this.#session;
    if (session === null) throw new IpcError('not_signed_in');
    const leftMs = Date.parse(session.accessExpiresAt) - this.#serverNowMs();
    return leftMs > REFRESH_BEFORE_MS ? session : this.#refresh();
  }

  /** One at a time: a refresh token that is used twice ends the whole session. */
  #refresh(): Promise<Session> {
    this.#refreshing ??= this.#exchange().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #exchange(): Promise<Session> {
    const refreshToken = this.#session?.refreshToken;
    if (refreshToken === undefined) {
      this.#set(null);
      throw new IpcError('not_signed_in');
    }
    try {
      const session = await this.#api.refresh(refreshToken);
      this.#set(session);
      return session;
    } catch (error) {
      if (error instanceof IpcError && isOver(error)) {
        this.#set(null);
        throw new IpcError('session_expired', { cause: error });
      }
      throw error;
    }
  }

  #set(session: Session | null): void {
    clearTimeout(this.#expiry);
    this.#session = session;
    if (session !== null) {
      const leftMs = Date.parse(session.sessionExpiresAt) - this.#serverNowMs();
      this.#expiry = setTimeout(() => this.#set(null), Math.min(Math.max(0, leftMs), LONGEST_TIMER_MS));
      this.#expiry.unref();
    }
    this.#onChange();
  }
}

function isOver(error: IpcError): boolean {
  return (
    error.code === 'not_authenticated' ||
    error.code === 'session_expired' ||
    error.code === 'refresh_token_reused'
  );
}
