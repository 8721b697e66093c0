/** An account's own matters: the proofs that they ask, what they end, and what a stranger can do about them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  BankAccountView,
  DeviceSessions,
  PasswordResetStarted,
  PhoneChangeStarted,
  ReceivedInvitations,
  SecondProofStarted,
  Session,
  type StepUpAct,
  StepUpStarted,
  TransferPreview,
  User,
} from '../../contract/index.ts';
import { freshPhone, type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { RISKY_ACTS, sendCode } from '../accounts/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const me = (token: string) => server.call('/v1/me', { token });
const post = (path: string, token: string, body?: unknown) =>
  server.call(path, { method: 'POST', token, ...(body === undefined ? {} : { body }) });
const sentTo = (phone: string) => server.sms.filter((message) => message.to === phone).length;

async function stepUp(person: Person, act: StepUpAct): Promise<void> {
  await server.expect(StepUpStarted, '/v1/step-ups', { token: person.token, body: { act } });
  const proved = await post('/v1/step-ups/verify', person.token, { act, code: server.codeFor(person.phone) });
  expect(proved.status).toBe(204);
}
const logIn = async ({ phone, password }: Person, userAgent?: string): Promise<Session> =>
  server.expect(Session, '/v1/auth/login', {
    body: { phone, password },
    headers: userAgent === undefined ? {} : { 'user-agent': userAgent },
  });
/** The SMS of a reset is sent after the answer. */
const resetCode = async (phone: string, already: number) => {
  await vi.waitFor(() => expect(sentTo(phone)).toBe(already + 1), { timeout: 15_000, interval: 10 });
  return server.codeFor(phone);
};

const offer = (by: Person, phone: string, role: 'manager' | 'cashier') =>
  post('/v1/merchant/team/invitations', by.token, { phone, role });
const offersTo = async ({ token }: Person) =>
  (await server.expect(ReceivedInvitations, '/v1/team-invitations', { token })).items;

describe('devices', () => {
  const ANDROID =
    'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36';
  const list = async (token: string) =>
    (await server.expect(DeviceSessions, '/v1/sessions', { token })).items;

  test('are listed by name and last use, and one is signed out from another at once', async () => {
    const person = await server.register('customer');
    const phone = await logIn(person, ANDROID);
    server.clock.advance(60_000);
    const items = await list(person.token);
    expect(items.map(({ deviceName, isCurrent }) => [deviceName, isCurrent])).toEqual([
      ['Chrome · Android', false],
      [null, true],
    ]);
    const other = items.find(({ isCurrent }) => !isCurrent)?.id ?? '';
    expect(
      (await server.call(`/v1/sessions/${other}`, { method: 'DELETE', token: person.token })).status,
    ).toBe(204);
    expect((await me(phone.accessToken)).code).toBe('session_expired');
    expect(await list(person.token)).toHaveLength(1);
    const again = await server.call(`/v1/sessions/${other}`, { method: 'DELETE', token: person.token });
    expect(again.code).toBe('session_not_found');
  });

  test('of somebody else are not found', async () => {
    const [mine, theirs] = [await server.register('customer'), await server.register('customer')];
    const [session] = await list(theirs.token);
    const ended = await server.call(`/v1/sessions/${session?.id}`, { method: 'DELETE', token: mine.token });
    expect(ended.code).toBe('session_not_found');
    expect((await me(theirs.token)).status).toBe(200);
  });

  test('all of them are signed out together, the one that asks too', async () => {
    const person = await server.register('customer', { agent: true });
    const second = await logIn(person);
    expect((await server.call('/v1/sessions', { method: 'DELETE', token: person.token })).status).toBe(204);
    for (const token of [person.token, second.accessToken])
      expect((await me(token)).code).toBe('session_expired');
    const refreshed = await server.call('/v1/auth/refresh', {
      body: { refreshToken: person.session.refreshToken },
    });
    expect(refreshed.code).toBe('session_expired');
  });
});

describe('risky acts', () => {
  test('every one of the table is refused by its route to who has no more than a session', async () => {
    const person = await server.customerWith(5_000n);
    await server.linkBank(person);
    await server.expect(BankAccountView, '/v1/bank-account', { token: person.token });
    const tried = {
      withdrawal: await server.call('/v1/withdrawals', {
        token: person.token,
        key: randomUUID(),
        body: { amountMinor: '1000', feeMinor: '50' },
      }),
      pin_reset: await post('/v1/auth/pin-reset', person.token, { phone: person.phone, password: 'not it' }),
      bank_account: await post('/v1/bank-account/link', person.token),
      phone_change: await post('/v1/phone-change', person.token, { phone: freshPhone() }),
      account_closing: await post('/v1/account/close', (await server.register('customer')).token, {
        password: 'not it',
      }),
    } satisfies Record<keyof typeof RISKY_ACTS, unknown>;
    expect(Object.keys(tried)).toEqual(Object.keys(RISKY_ACTS));
    expect(tried.withdrawal.body).toMatchObject({ status: 'awaiting_code' });
    expect(tried.pin_reset.code).toBe('credentials_incorrect');
    expect(tried.bank_account.code).toBe('step_up_required');
    expect(tried.phone_change.code).toBe('step_up_required');
    expect(tried.account_closing.code).toBe('password_incorrect');
    await stepUp(person, 'bank_account');
    expect((await post('/v1/bank-account/link', person.token)).status).toBe(200);
  });

  test('R53 a proof counts once, for its act, in its session, and for ten minutes', async () => {
    const person = await server.customerWith(1_000n);
    await server.linkBank(person);
    await server.expect(BankAccountView, '/v1/bank-account', { token: person.token });
    const link = (token = person.token) => post('/v1/bank-account/link', token);
    await stepUp(person, 'phone_change');
    expect((await link()).code).toBe('step_up_required');
    await stepUp(person, 'bank_account');
    expect((await link((await logIn(person)).accessToken)).code).toBe('step_up_required');
    const both = await Promise.all([link(), link()]);
    expect(new Set(both.map(({ code }) => code))).toEqual(new Set([null, 'step_up_required']));
    await stepUp(person, 'bank_account');
    server.clock.advance(10 * 60_000);
    expect((await link()).code).toBe('step_up_required');
  });

  test('R53 a code that was sent for one act confirms no other, and is ended by the next', async () => {
    const person = await server.register('customer');
    const start = (act: StepUpAct) =>
      server.expect(StepUpStarted, '/v1/step-ups', { token: person.token, body: { act } });
    const prove = (act: StepUpAct, code: string) => post('/v1/step-ups/verify', person.token, { act, code });
    await start('phone_change');
    const first = server.codeFor(person.phone);
    expect((await prove('account_closing', first)).code).toBe('otp_expired');
    await start('account_closing');
    const second = server.codeFor(person.phone);
    expect((await prove('phone_change', first)).code).toBe('otp_expired');
    if (first !== second) expect((await prove('account_closing', first)).code).toBe('otp_incorrect');
    expect((await prove('account_closing', second)).status).toBe(204);
    expect((await prove('account_closing', second)).code).toBe('otp_expired');
  });

  test('R53 five wrong codes end it, for parallel guesses together, whichever act is asked for next', async () => {
    const person = await server.register('customer');
    const start = (act: StepUpAct) =>
      server.expect(StepUpStarted, '/v1/step-ups', { token: person.token, body: { act } });
    const prove = (act: StepUpAct, code: string) => post('/v1/step-ups/verify', person.token, { act, code });
    await start('phone_change');
    const code = server.codeFor(person.phone);
    const guesses = Array.from({ length: 9 }, () => prove('phone_change', wrong(code)));
    const codes = (await Promise.all(guesses)).map((answer) => answer.code);
    expect(codes.filter((one) => one === 'otp_incorrect')).toHaveLength(5);
    expect((await prove('phone_change', code)).code).toBe('otp_too_many_attempts');
    await start('account_closing');
    const next = await prove('account_closing', server.codeFor(person.phone));
    expect(next.code).toBe('otp_too_many_attempts');
  });

  test('a PIN reset ends every other session', async () => {
    const person = await server.register('customer');
    const body = { phone: person.phone, password: person.password };
    const { resetToken } = await server.expect(SecondProofStarted, '/v1/auth/pin-reset', { body });
    const session = await server.signIn(
      { resetToken, code: server.codeFor(person.phone) },
      '/v1/auth/pin-reset/verify',
    );
    expect((await me(person.token)).code).toBe('session_expired');
    expect((await me(session.accessToken)).status).toBe(200);
  });

  test('R53 what a password proved for a log-in is nothing to a PIN reset', async () => {
    const { phone, password } = await server.register('customer');
    const { resetToken } = await server.expect(SecondProofStarted, '/v1/auth/login/code', {
      body: { phone, password },
    });
    const body = { resetToken, code: server.codeFor(phone) };
    expect((await server.call('/v1/auth/pin-reset/verify', { body })).code).toBe('not_authenticated');
    expect((await server.call('/v1/auth/login/code/verify', { body })).status).toBe(200);
  });
});

describe('a forgotten password', () => {
  const start = (phone: string, cookie?: string) =>
    server.expect(PasswordResetStarted, '/v1/auth/password-reset', {
      body: { phone },
      headers: cookie === undefined ? {} : { cookie },
    });
  const finish = (resetId: string, code: string, password = `a new password ${randomUUID()}`) =>
    server.call('/v1/auth/password-reset/verify', { body: { resetId, code, password } });

  test('a code by SMS and a new one: every other session ends, the old password too', async () => {
    const person = await server.register('customer');
    const before = sentTo(person.phone);
    const { resetId } = await start(person.phone);
    const code = await resetCode(person.phone, before);
    const password = `a new password ${randomUUID()}`;
    expect((await finish(resetId, wrong(code))).code).toBe('otp_incorrect');
    expect((await finish(resetId, code, 'password123')).code).toBe('password_too_weak');
    const answer = await finish(resetId, code, password);
    expect(Session.parse(answer.body).user.id).toBe(person.session.user.id);
    expect((await finish(resetId, code)).code).toBe('otp_expired');
    expect((await me(person.token)).code).toBe('session_expired');
    const tryOld = await server.call('/v1/auth/login', {
      body: { phone: person.phone, password: person.password },
    });
    expect(tryOld.code).toBe('credentials_incorrect');
    await logIn({ ...person, password });
  });

  test('R53 five wrong codes, ten minutes and two at once: the code opens one session at most', async () => {
    const person = await server.register('customer');
    const fresh = async () => {
      const before = sentTo(person.phone);
      const { resetId } = await start(person.phone);
      return { resetId, code: await resetCode(person.phone, before) };
    };
    const guessed = await fresh();
    const guesses = Array.from({ length: 9 }, () => finish(guessed.resetId, wrong(guessed.code)));
    const codes = (await Promise.all(guesses)).map(({ code }) => code);
    expect(codes.filter((code) => code === 'otp_incorrect')).toHaveLength(5);
    expect((await finish(guessed.resetId, guessed.code)).code).toBe('otp_too_many_attempts');
    server.clock.advance(10 * 60_000);
    const late = await fresh();
    server.clock.advance(10 * 60_000);
    expect((await finish(late.resetId, late.code)).code).toBe('otp_expired');
    const raced = await fresh();
    const answers = await Promise.all([finish(raced.resetId, raced.code), finish(raced.resetId, raced.code)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('R53 a number with an account and one without get the same answers in about the same time, and one gets no SMS', async () => {
    const { phone } = await server.register('customer');
    const timed = async <T>(work: () => Promise<T>) => {
      const startedAt = performance.now();
      return { answer: await work(), ms: performance.now() - startedAt };
    };
    const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    const times: Record<'known' | 'unknown', { start: number[]; finish: number[] }> = {
      known: { start: [], finish: [] },
      unknown: { start: [], finish: [] },
    };
    for (let i = 0; i < 9; i += 1) {
      // In turns, so that a busy machine is busy for both.
      for (const kind of ['known', 'unknown'] as const) {
        const before = sentTo(phone);
        const asked = kind === 'known' ? phone : freshPhone();
        const started = await timed(() => start(asked));
        if (kind === 'known') await resetCode(phone, before);
        else expect(sentTo(asked)).toBe(0);
        const code = kind === 'known' ? wrong(server.codeFor(phone)) : '123456';
        const finished = await timed(() => finish(started.answer.resetId, code));
        expect([kind, finished.answer.status, finished.answer.code]).toEqual([kind, 422, 'otp_incorrect']);
        times[kind].start.push(started.ms);
        times[kind].finish.push(finished.ms);
        // The provider resends five times at most.
        if (i % 4 === 3) server.clock.advance(11 * 60_000);
      }
    }
    for (const step of ['start', 'finish'] as const) {
      const ratio = median(times.unknown[step]) / median(times.known[step]);
      // An SMS sent before the answer, or no question to the provider, is a factor of three and more.
      expect([step, ratio > 0.4 && ratio < 2.5]).toEqual([step, true]);
    }
  });

  test('a log-in with the old password that the reset overtakes opens nothing', async () => {
    const person = await server.register('customer');
    const { phone, password } = person;
    const already = sentTo(phone);
    const { resetId } = await server.expect(PasswordResetStarted, '/v1/auth/password-reset', {
      body: { phone },
    });
    const code = await resetCode(phone, already);
    const { sessions } = server.context;
    const open = sessions.open.bind(sessions);
    const held = vi.spyOn(sessions, 'open').mockImplementationOnce(async (...asked) => {
      await server.expect(Session, '/v1/auth/password-reset/verify', {
        body: { resetId, code, password: `another horse ${randomUUID()}` },
      });
      return open(...asked);
    });
    const late = await server.call('/v1/auth/login', { body: { phone, password } });
    held.mockRestore();
    expect(late.code).toBe('credentials_incorrect');
    const alive = await server.database.owner`
      select id from sessions where user_id = ${person.session.user.id} and revoked_at is null`;
    expect(alive).toHaveLength(1);
  });

  test('an operator gets none: one proof is too few for what an operator may do', async () => {
    const { phone } = await server.operator();
    const before = sentTo(phone);
    const { resetId } = await start(phone);
    expect((await finish(resetId, server.codeFor(phone))).code).toBe('otp_incorrect');
    expect(sentTo(phone)).toBe(before);
  });
});

describe('another phone number', () => {
  const start = (person: Person, body: object) => post('/v1/phone-change', person.token, body);
  const finish = (person: Person, code: string) => post('/v1/phone-change/verify', person.token, { code });
  const events = async (person: Person) =>
    server.database.owner<{ kind: string; proof: string }[]>`
      select kind, proof from account_events where user_id = ${person.session.user.id} order by id`;

  test('with the old one proved: the new one signs in, other sessions end, money may go at once', async () => {
    const person = await server.customerWith(5_000n);
    const other = await logIn(person);
    const phone = freshPhone();
    await stepUp(person, 'phone_change');
    expect(PhoneChangeStarted.parse((await start(person, { phone })).body).phone).toBe(phone);
    expect((await finish(person, wrong(server.codeFor(phone)))).code).toBe('otp_incorrect');
    const answer = await finish(person, server.codeFor(phone));
    expect(User.parse(answer.body).phone).toBe(phone);
    expect((await finish(person, server.codeFor(phone))).code).toBe('otp_expired');
    expect((await me(person.token)).status).toBe(200);
    expect((await me(other.accessToken)).code).toBe('session_expired');
    await logIn({ ...person, phone });
    expect(await events(person)).toEqual([{ kind: 'phone_changed', proof: 'old_number' }]);
    // The old number is free, and nobody's to send money to.
    const { token } = await server.register('customer');
    expect((await post('/v1/transfers/preview', token, { phone: person.phone })).code).toBe(
      'recipient_not_found',
    );
    await server.expect(TransferPreview, '/v1/transfers/preview', { token, body: { phone } });
    await server.register('customer', { phone: person.phone });
  });

  test('what a shop offered to the old number is no stranger’s who gets that number next', async () => {
    const person = await server.register('customer');
    const owner = await server.register('merchant');
    await offer(owner, person.phone, 'manager');
    const phone = freshPhone();
    await start(person, { phone, password: person.password });
    expect((await finish(person, server.codeFor(phone))).status).toBe(200);
    const stranger = await server.register('customer', { phone: person.phone });
    expect(await offersTo(stranger)).toEqual([]);
  });

  test('with the password in its place: nothing goes to a bank for a day', async () => {
    const person = await server.customerWith(50_000n);
    server.clock.advance(80 * 3_600_000);
    const signedIn = await server.signInAgain(person);
    await server.linkBank(signedIn);
    const phone = freshPhone();
    expect((await start(signedIn, { phone, password: 'not it' })).code).toBe('password_incorrect');
    await start(signedIn, { phone, password: person.password });
    expect((await finish(signedIn, server.codeFor(phone))).status).toBe(200);
    expect(await events(person)).toEqual([{ kind: 'phone_changed', proof: 'password' }]);
    const withdraw = (token: string) =>
      server.call('/v1/withdrawals', {
        token,
        key: randomUUID(),
        body: { amountMinor: '1000', feeMinor: '50' },
      });
    expect((await withdraw(signedIn.token)).code).toBe('money_on_hold');
    server.clock.advance(24 * 3_600_000);
    const { token } = await server.signInAgain({ ...person, phone });
    expect((await withdraw(token)).body).toMatchObject({ status: 'awaiting_code' });
  });

  test('R53 the code belongs to the session that asked, has five tries, and a wrong number can be corrected', async () => {
    const person = await server.register('customer');
    const [mistyped, phone] = [freshPhone(), freshPhone()];
    await start(person, { phone: mistyped, password: person.password });
    // Proved already: the corrected number asks for nothing again.
    await start(person, { phone });
    const elsewhere = { ...person, token: (await logIn(person)).accessToken };
    const code = server.codeFor(phone);
    expect((await finish(elsewhere, code)).code).toBe('otp_expired');
    const guesses = Array.from({ length: 8 }, () => finish(person, wrong(code)));
    const codes = (await Promise.all(guesses)).map((answer) => answer.code);
    expect(codes.filter((one) => one === 'otp_incorrect')).toHaveLength(5);
    expect((await finish(person, code)).code).toBe('otp_too_many_attempts');
  });

  test('a number that has an account is refused only after it was proved', async () => {
    const [person, other] = [await server.register('customer'), await server.register('customer')];
    const asked = await start(person, { phone: other.phone, password: person.password });
    expect(asked.status).toBe(200);
    expect((await finish(person, server.codeFor(other.phone))).code).toBe('phone_number_taken');
    expect((await me(other.token)).body).toMatchObject({ phone: other.phone });
  });
});

test('an operator is nobody’s customer or merchant, closes no account, and nobody registers as one', async () => {
  const { password, token } = await server.operator();
  for (const path of ['/v1/wallet', '/v1/merchant/sales', '/v1/bank-account'])
    expect((await server.call(path, { token })).code).toBe('not_permitted');
  expect((await post('/v1/account/close', token, { password })).code).toBe('not_permitted');
  const body = { role: 'operator', phone: freshPhone(), username: 'somebody', password: 'a fine password' };
  expect((await server.call('/v1/auth/register', { body })).code).toBe('request_invalid');
});

describe('what strangers can do about a number', () => {
  const cookiesOf = (headers: Headers) =>
    headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0] ?? '')
      .join('; ');

  test('ten wrong passwords lock out who was never here, and not the device that its owner uses', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1 });
    try {
      const { phone, password } = await limited.register('customer');
      const first = await limited.call('/v1/auth/login', { body: { phone, password } });
      const cookie = cookiesOf(first.headers);
      const attempt = (given: string, headers: Record<string, string> = {}) =>
        limited.call('/v1/auth/login', { body: { phone, password: given }, headers });
      for (let i = 0; i < 10; i += 1) await attempt('wrong');
      expect((await attempt(password)).code).toBe('rate_limited');
      expect((await attempt(password, { cookie })).status).toBe(200);
      // The device has a budget of its own: who stole it guesses no longer than anybody.
      for (let i = 0; i < 10; i += 1) await attempt('wrong', { cookie });
      expect((await attempt(password, { cookie })).code).toBe('rate_limited');
      // Somebody else's cookie, or one that was made up, is none.
      const other = await limited.register('customer');
      const theirs = await limited.call('/v1/auth/login', {
        body: { phone: other.phone, password: other.password },
      });
      expect((await attempt(password, { cookie: cookiesOf(theirs.headers) })).code).toBe('rate_limited');
      expect(
        (await attempt(password, { cookie: `tiki_device=${randomUUID()}.${randomUUID()}.${'A'.repeat(43)}` }))
          .code,
      ).toBe('rate_limited');
    } finally {
      await limited.close();
    }
  });

  test('R54 ten thousand requests for codes send no more than the day allows strangers, and who has an account still gets one', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1, env: { TIKI_SMS_PER_DAY: '50' } });
    try {
      const person = await limited.register('customer');
      const before = limited.sms.length;
      const { context } = limited;
      const pump = async (i: number) => {
        // Every request from another place to another range: only the day's own limit is left.
        const phone = `+65${String(80_000_000 + i * 1_000)}`;
        const address = `198.51.${String(i % 250)}.${String(Math.floor(i / 250))}`;
        await sendCode(context, { phone, address }).catch(() => undefined);
      };
      for (let i = 0; i < 10_000; i += 20)
        await Promise.all(Array.from({ length: 20 }, (_, j) => pump(i + j)));
      expect(limited.sms.length - before).toBe(39);
      const session = { token: person.token };
      await limited.expect(StepUpStarted, '/v1/step-ups', { ...session, body: { act: 'phone_change' } });
      expect(limited.sms.findLast(() => true)?.to).toBe(person.phone);
    } finally {
      await limited.close();
    }
  });

  test('R54 a country that is not the installation’s own gets a small part of the day', async () => {
    const limited = await startTestServer({ rateLimitFactor: 0.1, env: { TIKI_SMS_PER_DAY: '5000' } });
    try {
      const ask = (i: number) =>
        sendCode(limited.context, {
          phone: `+6281${String(200_000_000 + i * 1_000)}`,
          address: `203.0.113.${String(i)}`,
        });
      for (let i = 0; i < 20; i += 1) await ask(i);
      await expect(ask(20)).rejects.toMatchObject({ code: 'rate_limited' });
      await sendCode(limited.context, { phone: freshPhone(), address: '203.0.113.99' });
    } finally {
      await limited.close();
    }
  });

  test('a stranger who asks for codes to a number, and guesses, neither changes nor ends the owner’s own', async () => {
    const person = await server.register('customer');
    await server.expect(StepUpStarted, '/v1/step-ups', {
      token: person.token,
      body: { act: 'phone_change' },
    });
    const code = server.codeFor(person.phone);
    const body = {
      role: 'customer',
      phone: person.phone,
      username: randomUUID().slice(0, 12),
      password: 'a fine password',
    };
    for (let i = 0; i < 5; i += 1) {
      const { body: begun } = await server.call('/v1/auth/register', {
        body: { ...body, username: `${body.username}${i}` },
      });
      const { registrationId } = begun as { registrationId: string };
      await server.call('/v1/auth/register/verify', {
        body: { registrationId, code: wrong(server.codeFor(person.phone)) },
      });
    }
    expect((await post('/v1/step-ups/verify', person.token, { act: 'phone_change', code })).status).toBe(204);
  });
});
