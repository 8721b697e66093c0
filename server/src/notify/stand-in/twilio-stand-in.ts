/**
 * Twilio Verify v2 on this machine: the same paths, form bodies, answers and error codes, and an inbox instead of
 * phones. For development, the demo and tests.
 *
 * Owns: its verifications, kept in a JSON file. Never: part of a server that has Twilio's keys.
 */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { systemClock, type Clock } from '../../clock.ts';
import { type JsonFile, openJsonFile } from '../../json-file.ts';
import { inboxPage } from './inbox-page.ts';

const CODE_LIFE_MS = 10 * 60_000;
const MAX_CHECKS = 5;
const MAX_SENDS = 5;
const KEPT = 200;

const Verification = z.object({
  sid: z.string(),
  serviceSid: z.string(),
  accountSid: z.string(),
  to: z.string(),
  code: z.string(),
  status: z.enum(['pending', 'approved', 'expired', 'max_attempts_reached', 'canceled']),
  checks: z.number().int(),
  sends: z.array(z.object({ attemptSid: z.string(), atMs: z.number() })),
  createdMs: z.number(),
  updatedMs: z.number(),
});
type Verification = z.infer<typeof Verification>;
const Message = z.object({ to: z.string(), sentAt: z.string(), body: z.string(), code: z.string() });
/** An SMS that a real phone would have received. */
export type SmsMessage = z.infer<typeof Message>;
const State = z.object({ verifications: z.array(Verification), messages: z.array(Message) });
type State = z.infer<typeof State>;

export interface TwilioStandInOptions {
  /** Null keeps everything in memory. */
  readonly stateFile: string | null;
  readonly clock?: Clock;
  /** Called for every SMS. */
  readonly onSms?: (message: SmsMessage) => void;
}

const sid = (prefix: string) => `${prefix}${randomBytes(16).toString('hex')}`;
const noMilliseconds = (ms: number) => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Twilio's error document. */
function refuse(c: Context, status: 400 | 401 | 404 | 429, code: number, message: string): Response {
  return c.json({ code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }, status);
}

export function createTwilioStandIn(options: TwilioStandInOptions): Hono {
  const clock = options.clock ?? systemClock;
  const file = openJsonFile(options.stateFile, State, { verifications: [], messages: [] });
  const app = new Hono();
  app.get('/', (c) => c.html(inboxPage(file.value.messages)));
  app.get('/messages', (c) => {
    const to = c.req.query('to');
    return c.json({
      messages: file.value.messages.filter((message) => to === undefined || message.to === to),
    });
  });
  app.use('/v2/*', async (c, next) => {
    const accountSid = accountOf(c);
    if (accountSid === null) return refuse(c, 401, 20003, 'Authenticate');
    return next();
  });
  app.post('/v2/Services/:service/Verifications', (c) => create(c, file, clock, options.onSms));
  app.get('/v2/Services/:service/Verifications/:sid', (c) => {
    const found = file.value.verifications.find((v) => v.sid === c.req.param('sid'));
    return found === undefined ? notFound(c) : c.json(verificationDocument(c, refresh(found, clock)));
  });
  app.post('/v2/Services/:service/Verifications/:sid', (c) => cancel(c, file, clock));
  app.post('/v2/Services/:service/VerificationCheck', (c) => check(c, file, clock));
  app.notFound((c) => notFound(c));
  return app;
}

/** The account of the Basic credentials; any token fits, as the stand-in keeps no secrets. */
function accountOf(c: Context): string | null {
  const [scheme, encoded = ''] = (c.req.header('authorization') ?? '').split(' ');
  const [account = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return scheme === 'Basic' && /^AC[0-9a-fA-F]{32}$/.test(account) ? account : null;
}

function notFound(c: Context): Response {
  return refuse(c, 404, 20404, `The requested resource ${c.req.path} was not found`);
}

async function readForm(c: Context): Promise<Map<string, string>> {
  const form = await c.req.parseBody();
  return new Map(
    Object.entries(form).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

function refresh(verification: Verification, clock: Clock): Verification {
  const isOver = clock.nowMs() - verification.createdMs >= CODE_LIFE_MS;
  if (verification.status === 'pending' && isOver) verification.status = 'expired';
  return verification;
}

async function create(
  c: Context,
  file: JsonFile<State>,
  clock: Clock,
  onSms: TwilioStandInOptions['onSms'],
): Promise<Response> {
  const form = await readForm(c);
  const to = form.get('To') ?? '';
  if (!/^\+[1-9][0-9]{6,14}$/.test(to)) return refuse(c, 400, 60200, `Invalid parameter \`To\`: ${to}`);
  if (form.get('Channel') !== 'sms') return refuse(c, 400, 60200, 'Invalid parameter `Channel`');
  const nowMs = clock.nowMs();
  const serviceSid = c.req.param('service') ?? '';
  const pending = file.value.verifications.find(
    (v) => v.to === to && v.serviceSid === serviceSid && refresh(v, clock).status === 'pending',
  );
  if (pending !== undefined && pending.sends.length >= MAX_SENDS)
    return refuse(c, 429, 60203, 'Max send attempts reached');
  const verification = pending ?? {
    sid: sid('VE'),
    serviceSid,
    accountSid: accountOf(c) ?? '',
    to,
    code: String(randomInt(1_000_000)).padStart(6, '0'),
    status: 'pending' as const,
    checks: 0,
    sends: [],
    createdMs: nowMs,
    updatedMs: nowMs,
  };
  verification.sends.push({ attemptSid: sid('VL'), atMs: nowMs });
  verification.updatedMs = nowMs;
  if (pending === undefined) file.value.verifications.push(verification);
  const body = `Your TikiWallet verification code is: ${verification.code}. Do not share it with anyone.`;
  const message = { to, sentAt: new Date(nowMs).toISOString(), body, code: verification.code };
  file.value.messages.push(message);
  file.value.verifications.splice(0, Math.max(0, file.value.verifications.length - KEPT));
  file.value.messages.splice(0, Math.max(0, file.value.messages.length - KEPT));
  file.save();
  onSms?.(message);
  return c.json(verificationDocument(c, verification), 201);
}

/** The one thing that a server may change of a verification; an approved or expired one is gone. */
async function cancel(c: Context, file: JsonFile<State>, clock: Clock): Promise<Response> {
  const form = await readForm(c);
  const found = file.value.verifications.find(
    (v) => v.sid === c.req.param('sid') && v.serviceSid === c.req.param('service'),
  );
  if (found === undefined || refresh(found, clock).status !== 'pending') return notFound(c);
  if (form.get('Status') !== 'canceled') return refuse(c, 400, 60200, 'Invalid parameter `Status`');
  found.status = 'canceled';
  found.updatedMs = clock.nowMs();
  file.save();
  return c.json(verificationDocument(c, found));
}

async function check(c: Context, file: JsonFile<State>, clock: Clock): Promise<Response> {
  const form = await readForm(c);
  const code = form.get('Code') ?? '';
  const [to, verificationSid] = [form.get('To'), form.get('VerificationSid')];
  if (to === undefined && verificationSid === undefined)
    return refuse(c, 400, 60200, 'Missing `To` or `VerificationSid`');
  const verification = file.value.verifications.findLast(
    (v) =>
      v.serviceSid === c.req.param('service') &&
      (verificationSid === undefined ? v.to === to : v.sid === verificationSid),
  );
  if (verification === undefined) return notFound(c);
  const { status } = refresh(verification, clock);
  if (status === 'max_attempts_reached') return refuse(c, 429, 60202, 'Max check attempts reached');
  if (status !== 'pending') return notFound(c);
  if (verification.checks >= MAX_CHECKS) {
    verification.status = 'max_attempts_reached';
    file.save();
    return refuse(c, 429, 60202, 'Max check attempts reached');
  }
  verification.checks += 1;
  verification.updatedMs = clock.nowMs();
  const [given, expected] = [Buffer.from(code), Buffer.from(verification.code)];
  if (given.length === expected.length && timingSafeEqual(given, expected)) verification.status = 'approved';
  file.save();
  return c.json(checkDocument(verification));
}

function verificationDocument(c: Context, v: Verification) {
  return {
    sid: v.sid,
    service_sid: v.serviceSid,
    account_sid: v.accountSid,
    to: v.to,
    channel: 'sms',
    status: v.status,
    valid: v.status === 'approved',
    lookup: { carrier: null },
    amount: null,
    payee: null,
    send_code_attempts: v.sends.map(({ attemptSid, atMs }) => ({
      attempt_sid: attemptSid,
      channel: 'SMS',
      time: noMilliseconds(atMs),
    })),
    date_created: noMilliseconds(v.createdMs),
    date_updated: noMilliseconds(v.updatedMs),
    sna: null,
    url: new URL(`/v2/Services/${v.serviceSid}/Verifications/${v.sid}`, c.req.url).href,
  };
}

function checkDocument(v: Verification) {
  return {
    sid: v.sid,
    service_sid: v.serviceSid,
    account_sid: v.accountSid,
    to: v.to,
    channel: 'sms',
    status: v.status,
    valid: v.status === 'approved',
    amount: null,
    payee: null,
    date_created: noMilliseconds(v.createdMs),
    date_updated: noMilliseconds(v.updatedMs),
    sna_attempts_error_codes: [],
  };
}
