/**
 * Twilio Verify behind our port.
 *
 * Owns: which of Twilio's answers mean what to us. Never: sees a code before the person typed it, and never logs one.
 */
import twilio from 'twilio';
import type { TwilioConfig } from '../config.ts';
import { publish } from '../observe/facts.ts';
import type { CodeAudience, NotifyPort, VerificationCheck, VerificationStart } from './port.ts';

const TIMEOUT_MS = 10_000;

/** Twilio's own numbers for what went wrong (twilio.com/docs/api/errors). */
const INVALID_PARAMETER = 60200;
const MAX_CHECKS_REACHED = 60202;
const MAX_SENDS_REACHED = 60203;
const LANDLINE = 60205;
const BLOCKED_NUMBERS = new Set([60410, 60605, 21211, 21614]);
const NOT_FOUND = 20404;

/** The SDK's HTTP client, sending to another base address when one is given: the stand-in, or a regional edge. */
function httpClient(base: string | null): twilio.RequestClient {
  const client = new twilio.RequestClient({ timeout: TIMEOUT_MS });
  if (base === null) return client;
  const { protocol, host } = new URL(base);
  client.axios.interceptors.request.use((request) => {
    const url = new URL(request.url ?? '');
    url.protocol = protocol;
    url.host = host;
    return Object.assign(request, { url: url.href });
  });
  return client;
}

/** The SDK's errors carry Twilio's code; nothing else about them is stable. */
function twilioCode(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

export function createTwilioNotify(config: TwilioConfig): NotifyPort {
  const client = twilio(config.accountSid, config.authToken, { httpClient: httpClient(config.apiBase) });
  const services = {
    stranger: client.verify.v2.services(config.verifyServiceSid),
    owner: client.verify.v2.services(config.verifyOwnerServiceSid),
  } satisfies Record<CodeAudience, unknown>;
  return {
    startVerification: async (phone, audience) => {
      try {
        const { sid } = await asked(services[audience].verifications.create({ to: phone, channel: 'sms' }));
        return { status: 'sent', verificationId: sid };
      } catch (cause) {
        return startFailure(cause);
      }
    },
    checkVerification: async (verificationId, code, audience) => {
      try {
        const check = { verificationSid: verificationId, code };
        const { status } = await asked(services[audience].verificationChecks.create(check));
        if (status === 'approved') return { status: 'approved' };
        if (status === 'max_attempts_reached') return { status: 'too_many_attempts' };
        return { status: status === 'pending' ? 'incorrect' : 'expired' };
      } catch (cause) {
        return checkFailure(cause);
      }
    },
    cancelVerification: async (verificationId, audience) => {
      try {
        await asked(services[audience].verifications(verificationId).update({ status: 'canceled' }));
        return true;
      } catch (cause) {
        // Over already: that is what was wanted.
        return twilioCode(cause) === NOT_FOUND;
      }
    },
  };
}

/** Tells how Twilio answered; a refusal with a code of its own is an answer. */
async function asked<T>(call: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const tell = (outcome: 'answered' | 'failed') =>
    publish('providerAsked', {
      provider: 'twilio',
      outcome,
      seconds: (performance.now() - startedAt) / 1000,
    });
  try {
    const answer = await call;
    tell('answered');
    return answer;
  } catch (cause) {
    const status = cause instanceof Error && 'status' in cause ? cause.status : undefined;
    const isOurs = typeof status === 'number' && status < 500 && status !== 429;
    tell(isOurs ? 'answered' : 'failed');
    throw cause;
  }
}

function startFailure(cause: unknown): VerificationStart {
  const code = twilioCode(cause);
  if (code === MAX_SENDS_REACHED) return { status: 'too_many_sends' };
  const isRefused =
    code !== undefined && (code === INVALID_PARAMETER || code === LANDLINE || BLOCKED_NUMBERS.has(code));
  return isRefused ? { status: 'number_refused' } : { status: 'unavailable', cause };
}

function checkFailure(cause: unknown): VerificationCheck {
  const code = twilioCode(cause);
  if (code === MAX_CHECKS_REACHED) return { status: 'too_many_attempts' };
  // Approved, expired and unknown verifications are all "not found" to Twilio.
  if (code === NOT_FOUND) return { status: 'expired' };
  return { status: 'unavailable', cause };
}
