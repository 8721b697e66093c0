/**
 * Callers over raw sockets with requests built beforehand, so that the client costs as little as a client can: it
 * shares the machine with what it measures. Each caller has a socket of its own and one request on its way. They are a small
 * program (raw-client.cc) where it can be compiled, and Node's sockets elsewhere; both sides of a comparison have the same.
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly mediaType: string;
  readonly bodies: readonly Uint8Array[];
  readonly callers: number;
  /** Beside what every request has: one line each, for the body of this number. */
  readonly headersOf?: (index: number) => readonly string[];
}

export interface Measured {
  readonly perSecond: number;
  readonly waitsMs: readonly number[];
}

/** Every body once, in order. @throws when any of them is not answered with 200. */
export function deliver(load: Load): Promise<Measured> {
  const requests = load.bodies.map((body, index) => requestFor(load, body, index));
  native ??= compile();
  // What making the bodies left behind is not what is measured, and its collection would take the kiosk's processor.
  collectGarbage();
  return native === 'none' ? byNode(load, requests) : byProgram(native, load, requests);
}

interface Program {
  readonly folder: string;
  readonly file: string;
}

/** Compiled once a run. */
let native: Program | 'none' | null = null;

function compile(): Program | 'none' {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-raw-client-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'raw-client');
  const source = join(import.meta.dirname, 'raw-client.cc');
  try {
    execFileSync('g++', ['-std=c++17', '-O2', '-o', file, source], { stdio: 'ignore' });
    return { folder, file };
  } catch {
    console.error(
      'The callers run in Node, for g++ cannot compile them here: they take more of the processor.',
    );
    return 'none';
  }
}

const run = promisify(execFile);
const MAX_REPORT_BYTES = 64 * 1024 * 1024;

async function byProgram(program: Program, load: Load, requests: readonly Uint8Array[]): Promise<Measured> {
  const file = join(program.folder, randomUUID());
  writeFileSync(file, Buffer.concat(requests.flatMap((request) => [lengthOf(request), request])));
  const { stdout } = await run(program.file, [String(load.port), String(load.callers), file], {
    maxBuffer: MAX_REPORT_BYTES,
  });
  rmSync(file);
  const { seconds, waitsMs } = JSON.parse(stdout) as { seconds: number; waitsMs: readonly number[] };
  return { perSecond: load.bodies.length / seconds, waitsMs };
}

function lengthOf(request: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(request.length);
  return length;
}

async function byNode(load: Load, requests: readonly Buffer[]): Promise<Measured> {
  const callers = await Promise.all(Array.from({ length: load.callers }, () => Caller.connect(load.port)));
  const queue = requests.values();
  const waitsMs: number[] = [];
  const began = performance.now();
  await Promise.all(callers.map((caller) => caller.work(queue, waitsMs)));
  const seconds = (performance.now() - began) / 1000;
  for (const caller of callers) caller.end();
  return { perSecond: load.bodies.length / seconds, waitsMs };
}

function requestFor(load: Load, body: Uint8Array, index: number): Buffer {
  const head = [
    `POST ${load.path} HTTP/1.1`,
    `host: 127.0.0.1:${load.port}`,
    `content-type: ${load.mediaType}`,
    `content-length: ${body.length}`,
    ...(load.headersOf?.(index) ?? []),
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head), body]);
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const ACCEPTED = Buffer.from('HTTP/1.1 200 ');
/** More than a head and a receipt. */
const MAX_ANSWER_BYTES = 8_192;

/** A caller at work: where its requests come from and its waits go, and who waits for it to end. */
interface Work {
  readonly queue: IterableIterator<Buffer>;
  readonly waitsMs: number[];
  readonly resolve: () => void;
  readonly reject: (cause: Error) => void;
}

/**
 * Sends the next request from where the answer came in, with no promise between them, reads into memory of its own and looks at
 * as little of an answer as tells that it is whole: its kiosk needs the processor more.
 */
class Caller {
  readonly #port: number;
  readonly #got = Buffer.alloc(MAX_ANSWER_BYTES);
  #length = 0;
  /** Of the last answer that was read in full, accepted and to be followed by another on its socket. */
  #usual = { headLength: 0, length: 0 };
  #socket: Socket;
  #work: Work | null = null;
  #asked = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#socket = this.#open();
  }

  static async connect(port: number): Promise<Caller> {
    const caller = new Caller(port);
    await once(caller.#socket, 'connect');
    return caller;
  }

  /** Takes one request after the other until there are no more. */
  work(queue: Work['queue'], waitsMs: number[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#work = { queue, waitsMs, resolve, reject };
      this.#askNext(this.#work);
    });
  }

  #askNext(work: Work): void {
    const next = work.queue.next();
    if (next.done === true) {
      this.#work = null;
      return work.resolve();
    }
    // The listener ends a socket after so many requests, as it does to everyone. What is written before it is open waits.
    if (this.#socket.destroyed || !this.#socket.writable) this.#socket = this.#open();
    this.#length = 0;
    this.#asked = performance.now();
    this.#socket.write(next.value);
  }

  #answered(): void {
    const work = this.#work;
    if (work === null) return;
    work.waitsMs.push(performance.now() - this.#asked);
    this.#askNext(work);
  }

  end(): void {
    this.#socket.destroy();
  }

  #open(): Socket {
    const chunk = Buffer.alloc(MAX_ANSWER_BYTES);
    const onread = {
      buffer: chunk,
      callback: (size: number) => {
        this.#receive(socket, chunk.subarray(0, size));
        return true;
      },
    };
    const socket: Socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true, onread });
    socket.on('error', (error) => this.#work?.reject(error));
    socket.on('close', () => {
      if (socket === this.#socket) this.#work?.reject(new Error('the connection ended without an answer'));
    });
    return socket;
  }

  /** One answer after the other has the same head but for its date: where it ends and what it begins with tell. */
  #isAsBefore(): boolean {
    const { headLength, length } = this.#usual;
    if (this.#length !== length || length === 0) return false;
    for (let at = 0; at < ACCEPTED.length; at += 1) if (this.#got[at] !== ACCEPTED[at]) return false;
    for (let at = 0; at < END_OF_HEAD.length; at += 1)
      if (this.#got[headLength + at] !== END_OF_HEAD[at]) return false;
    return true;
  }

  #receive(socket: Socket, chunk: Buffer): void {
    chunk.copy(this.#got, this.#length);
    this.#length += chunk.length;
    if (this.#isAsBefore()) return this.#answered();
    const got = this.#got.subarray(0, this.#length);
    const end = got.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = got.toString('latin1', 0, end).toLowerCase();
    const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
    if (got.length < end + END_OF_HEAD.length + length) return;
    if (head.includes('\r\nconnection: close')) socket.destroy();
    const isAccepted = got.indexOf(ACCEPTED) === 0;
    if (isAccepted && !socket.destroyed) this.#usual = { headLength: end, length: got.length };
    if (isAccepted) this.#answered();
    else this.#work?.reject(new Error(`not accepted: ${head.slice(0, 15)} ${got.toString('utf8', end)}`));
  }
}
