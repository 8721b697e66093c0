/**
 * The process's structured log.
 *
 * Owns: what never reaches it (R59): codes, tokens, passwords, card data, full phone numbers. Rooms log ids; this
 * file is the second line for what slips through.
 */
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'passwordHash',
  'code',
  'otp',
  'token',
  'accessToken',
  'refreshToken',
  'kioskToken',
  'secret',
  'material',
  'passphrase',
  'card',
  'number',
  'cvc',
  'phone',
];

/** Longer digit runs in a message are phone or card numbers: only their end is kept. */
const LONG_DIGITS = /\+?\d[\d ]{7,18}\d/g;

function maskDigits(text: string): string {
  return text.replace(LONG_DIGITS, (digits) => `••••${digits.slice(-2)}`);
}

/** Drizzle's errors carry the statement with its parameters; the database's own reason is what helps. */
function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'DrizzleQueryError' || 'params' in error) {
    const query = 'query' in error && typeof error.query === 'string' ? error.query : undefined;
    return { type: error.name, query, cause: plainError(error.cause) };
  }
  const { type, message, stack } = stdSerializers.err(error);
  const state = 'code' in error ? { sqlState: String(error.code) } : {};
  const cause = error.cause === undefined ? {} : { cause: plainError(error.cause) };
  return { type, message: maskDigits(message), stack: maskDigits(stack), ...state, ...cause };
}

export interface LogOptions {
  readonly level: string;
  /** Standard output by default. */
  readonly destination?: DestinationStream;
}

export function createLogger(options: LogOptions): Logger {
  const paths = SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`]);
  const settings = {
    level: options.level,
    base: { service: 'tikiwallet-server' },
    redact: { paths, censor: '[redacted]' },
    serializers: { err: plainError },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
