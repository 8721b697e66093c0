/** What the parts that a request passes need of it: a router's context has all of it, and so has what takes the short way. */
export interface Asked {
  readonly req: {
    /** Its value, those of one name joined. */
    header(name: string): string | undefined;
    readonly method: string;
    readonly path: string;
  };
  /** With the socket's message, where there is one. */
  readonly env: unknown;
  get(key: 'requestId'): string;
  /** For the request's log line. */
  set(key: 'userId', value: string): void;
}

export type AskedHeaders = { readonly req: Pick<Asked['req'], 'header'> };
