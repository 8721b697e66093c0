/** The agent's log: JSON lines on standard output. Never receives tokens, keys, phone numbers or passphrases. */
import { pino, type Logger } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

export function openLog(level: string): Logger {
  return pino({
    name: 'agent',
    level,
    // Nothing below should ever log these; this is the second fence.
    redact: {
      paths: [
        'token',
        '*.token',
        '*.accessToken',
        '*.refreshToken',
        '*.kioskToken',
        '*.password',
        '*.passphrase',
      ],
      remove: true,
    },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  });
}
