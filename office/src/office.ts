/**
 * Who is signed in at this page and the way to the cloud.
 *
 * Owns: the session of this view, which is another one than the wallet's in the same browser. Never: keeps anything on the disk
 * but what a person chose for all pages, language and colours.
 */
import type { PublicConfig, SecondProofStarted, Session, User } from '@tikiwallet/server/contract';
import { ApiClient, ApiError, Observable, type SessionState, useObservable } from '@tikiwallet/wallet/look';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { createEndpoints, type Endpoints } from './endpoints.ts';

export type View = 'merchant' | 'operator';

export interface Credentials {
  readonly phone: string;
  readonly password: string;
}

export interface OfficeState {
  readonly session: SessionState;
  readonly user: User | null;
  readonly reachable: boolean;
  readonly config: PublicConfig | null;
}

export class Office {
  readonly view: View;
  readonly state = new Observable<OfficeState>({
    session: 'unknown',
    user: null,
    reachable: true,
    config: null,
  });
  readonly client: ApiClient;
  readonly api: Endpoints;

  constructor(needs: { readonly view: View; readonly fetch: typeof fetch }) {
    this.view = needs.view;
    this.client = new ApiClient({
      fetch: needs.fetch,
      nowMs: () => Date.now(),
      client: needs.view,
      // The cookie is enough here: who loses it signs in again, and no money is lost by that.
      prove: async () => await Promise.resolve(null),
      withRefreshLock: async (work) => await navigator.locks.request(`tiki.${needs.view}.refresh`, work),
      onSession: (session, grant) => this.state.change({ session, user: grant?.user ?? null }),
      onReachable: (reachable) => {
        if (reachable !== this.state.value.reachable) this.state.change({ reachable });
      },
    });
    this.api = createEndpoints(this.client);
  }

  /** Asks whether the cookie still holds. A server that does not answer is said on the screen, not thrown. */
  async start(): Promise<void> {
    const [config] = await Promise.all([
      this.api.config().catch(noAnswer),
      this.client.refresh().catch(noAnswer),
    ]);
    this.state.change({ config: config ?? null });
  }

  async signIn(body: Credentials): Promise<void> {
    await this.#enter('/v1/auth/login', body);
  }

  /** The first of an operator's two proofs; a code comes by SMS. Asking again sends again. */
  startSignIn(body: Credentials): Promise<SecondProofStarted> {
    return this.client.call<SecondProofStarted>('/v1/auth/login/code', {
      method: 'POST',
      body,
      anonymous: true,
    });
  }

  async finishSignIn(body: { readonly resetToken: string; readonly code: string }): Promise<void> {
    await this.#enter('/v1/auth/login/code/verify', body);
  }

  async #enter(path: string, body: unknown): Promise<void> {
    this.client.take(await this.client.call<Session>(path, { method: 'POST', body, anonymous: true }));
    if (this.state.value.config === null) this.state.change({ config: await this.api.config() });
  }

  /** The cloud says who the person is now: in a team, or out of it. */
  became(user: User): void {
    this.state.change({ user });
  }

  async signOut(): Promise<void> {
    await this.client.signOut().catch(noAnswer);
  }

  /** A file of the cloud, saved under a name. @throws ApiError */
  async save(path: string, name: string): Promise<void> {
    const address = URL.createObjectURL(await this.client.download(path));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    // The browser has taken hold of it by the next turn; a minute is for the slow ones.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}

function noAnswer(error: unknown): void {
  if (!(error instanceof ApiError)) throw error;
}

export const OfficeContext = createContext<Office | null>(null);

export function useOffice(): { readonly office: Office; readonly state: OfficeState } {
  const office = useContext(OfficeContext);
  if (office === null) throw new TypeError('a screen was drawn outside the office');
  return { office, state: useObservable(office.state) };
}
