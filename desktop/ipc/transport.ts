/**
 * What both ends of the agent's socket share: where it stands, how large a message may be, and how an error crosses.
 * Owns the limits of the socket; never the meaning of a call, and never a path that a message names.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { ResponseError } from 'vscode-jsonrpc/node';
import { z } from 'zod';
import { IPC_ERROR_CODES, IpcError, type IpcErrorCode } from './errors.ts';

/** The largest state (a sale's QR text, a page of a hundred payments) is under 100 KB; ten times that is hostile. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** `Content-Length` and perhaps `Content-Type`; nothing honest needs more. */
const MAX_HEADER_BYTES = 256;
/** `sun_path` holds 108 bytes with its NUL on Linux, 104 elsewhere: the smaller bound keeps one rule. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Where the agent of a data folder listens, and where it leaves the token that a client must show. */
export function agentEndpoint(
  dataFolder: string,
  platform: NodeJS.Platform = process.platform,
): { socketPath: string; tokenPath: string } {
  const tokenPath = join(dataFolder, 'agent.token');
  if (platform === 'win32') {
    const name = createHash('sha256').update(dataFolder.toLowerCase()).digest('hex').slice(0, 32);
    return { socketPath: `\\\\.\\pipe\\tikiwallet-${name}`, tokenPath };
  }
  return { socketPath: join(dataFolder, 'agent.sock'), tokenPath };
}

/** The kernel truncates or refuses longer paths with a message that helps nobody. */
export function assertSocketPathFits(socketPath: string): void {
  const bytes = Buffer.byteLength(socketPath);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new Error(
      `The socket path has ${bytes} bytes and the system allows ${MAX_SOCKET_PATH_BYTES}: choose a shorter data folder (${socketPath})`,
    );
  }
}

/**
 * Stands between a socket and the JSON-RPC reader, which would collect a message of any announced length. Ends the
 * stream with an error as soon as a header announces too much, is too long itself, or announces no number at all.
 */
export class MessageSizeGuard extends Transform {
  #header = Buffer.alloc(0);
  #bodyLeft = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number = MAX_MESSAGE_BYTES) {
    super();
    this.#maxBytes = maxBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#bodyLeft > 0) {
        const body = rest.subarray(0, this.#bodyLeft);
        this.#bodyLeft -= body.length;
        rest = rest.subarray(body.length);
        this.push(body);
        continue;
      }
      const seen = Buffer.concat([this.#header, rest]);
      const end = seen.indexOf('\r\n\r\n');
      const headerBytes = end === -1 ? seen.length : end + 4;
      if (headerBytes > MAX_HEADER_BYTES) return done(new Error('message header too long'));
      if (end === -1) {
        this.#header = seen;
        return done();
      }
      const announced = /^content-length: *([0-9]{1,10})\r$/im.exec(seen.toString('latin1', 0, headerBytes));
      const bodyBytes = Number(announced?.[1] ?? Number.NaN);
      if (!(bodyBytes > 0 && bodyBytes <= this.#maxBytes)) return done(new Error('message length refused'));
      this.push(seen.subarray(0, headerBytes));
      this.#header = Buffer.alloc(0);
      this.#bodyLeft = bodyBytes;
      rest = seen.subarray(headerBytes);
    }
    done();
  }
}

/** One JSON-RPC error number for every operating error; the code in `data` is what callers branch on. */
const OPERATING_ERROR = -32000;
const ErrorData = z.object({
  code: z.enum(IPC_ERROR_CODES),
  retryAfterMs: z.number().nonnegative().optional(),
});

/** Only the code crosses: a message could carry what the other side must not know. */
export function toWireError(error: unknown): ResponseError<z.infer<typeof ErrorData>> {
  const known = error instanceof IpcError ? error : new IpcError('internal_error');
  const { code, retryAfterMs } = known;
  return new ResponseError(
    OPERATING_ERROR,
    code,
    retryAfterMs === undefined ? { code } : { code, retryAfterMs },
  );
}

/** Anything that is not one of our errors means that the connection or the agent failed under the call. */
export function fromWireError(error: unknown, otherwise: IpcErrorCode = 'agent_unavailable'): IpcError {
  if (error instanceof IpcError) return error;
  const data = error instanceof ResponseError ? ErrorData.safeParse(error.data) : undefined;
  if (data?.success)
    return new IpcError(data.data.code, { retryAfterMs: data.data.retryAfterMs, cause: error });
  return new IpcError(otherwise, { cause: error });
}
