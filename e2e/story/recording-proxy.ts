// The line between a kiosk and the cloud, with a recorder on it: everything passes
// through unchanged, and what was sent can be sent again, byte for byte. When the cloud
// is down, so is the line.

import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';

export type Recorded = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly status: number;
  readonly answer: Buffer;
};

export class RecordingProxy {
  readonly recorded: Recorded[] = [];
  /** Set to lose the answers of matching requests after the cloud has done its work: a line cut at the worst moment. */
  losesAnswersOf: ((path: string) => boolean) | undefined;
  /** The line is dead, both ways, until it is set back. */
  isCut = false;
  readonly #passedPaths: string[] = [];
  readonly #server: Server;
  readonly #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((incoming, outgoing) => {
      if (this.isCut) {
        outgoing.destroy();
        return;
      }
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => {
        void this.#pass(
          incoming.method ?? 'GET',
          incoming.url ?? '/',
          incoming.headers,
          Buffer.concat(parts),
        ).then((passed) => {
          if (passed !== undefined) this.#passedPaths.push(passed.path);
          if (passed === undefined || this.isCut || this.losesAnswersOf?.(passed.path) === true) {
            outgoing.destroy();
            return;
          }
          outgoing.writeHead(passed.status, passed.answerHeaders);
          outgoing.end(passed.answer);
        });
      });
    });
  }

  static async start(options: { readonly port: number; readonly target: number }): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(options.target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get target(): number {
    return this.#target;
  }

  /** How many requests whose path begins so were answered by the cloud, of any method. */
  countOf(pathStart: string): number {
    return this.#passedPaths.filter((path) => path.startsWith(pathStart)).length;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${String(address !== null && typeof address === 'object' ? address.port : 0)}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Sends a recorded request once more, straight to the cloud. */
  async repeat(recorded: Recorded): Promise<Recorded> {
    const passed = await this.#pass('POST', recorded.path, recorded.headers, recorded.body);
    if (passed === undefined) throw new Error('the cloud does not answer');
    return passed;
  }

  /** Undefined when the cloud does not answer. */
  async #pass(
    method: string,
    path: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
  ): Promise<(Recorded & { readonly answerHeaders: IncomingHttpHeaders }) | undefined> {
    return await new Promise((resolve) => {
      const onward = request(
        { host: '127.0.0.1', port: this.#target, method, path, headers, agent: false },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', () => resolve(undefined));
          answer.on('end', () => {
            const passed = {
              path,
              headers,
              body,
              status: answer.statusCode ?? 0,
              answer: Buffer.concat(parts),
              answerHeaders: answer.headers,
            };
            if (method === 'POST') this.recorded.push(passed);
            resolve(passed);
          });
        },
      );
      onward.on('error', () => resolve(undefined));
      onward.end(body);
    });
  }
}
