import { createPrivateKey, randomUUID, sign, type webcrypto } from 'node:crypto';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SecondProofStarted, RegisterResult, Session } from '../../contract/index.ts';
import { freshPhone, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const HOUR_MS = 3_600_000;
const me = (token: string) => server.call('/v1/me', { token });
const refresh = (refreshToken: string | undefined) =>
  server.call('/v1/auth/refresh', { body: { refreshToken } });

async function startRegistration(phone = freshPhone()) {
  const body = { role: 'customer', phone, username: randomUUID().slice(0, 12), password: 'a fine password' };
  return server.expect(RegisterResult, '/v1/auth/register', { body });
}
const verify = (registrationId: string, code: string) =>
  server.call('/v1/auth/register/verify', { body: { registrationId, code } });
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

describe('one-time codes (R53)', () => {
  test('a wrong code is refused, and the right one still works afterwards', async () => {
    const { registrationId, phone } = await startRegistration();
    expect((await verify(registrationId, wrong(server.codeFor(phone)))).code).toBe('otp_incorrect');
    expect((await verify(registrationId, server.codeFor(phone))).status).toBe(200);
  });

  test('after five wrong codes even the right one is refused', async () => {
    const { registrationId, phone } = await startRegistration();
    const code = server.codeFor(phone);
    for (let i = 0; i < 5; i += 1)
      expect((await verify(registrationId, wrong(code))).code).toBe('otp_incorrect');
    expect((await verify(registrationId, code)).code).toBe('otp_too_many_attempts');
  });

  test('parallel guesses share one count', async () => {
    const { registrationId, phone } = await startRegistration();
    const code = server.codeFor(phone);
    const answers = await Promise.all(Array.from({ length: 12 }, () => verify(registrationId, wrong(code))));
    expect(answers.filter((answer) => answer.code === 'otp_incorrect')).toHaveLength(5);
    expect(answers.filter((answer) => answer.code === 'otp_too_many_attempts')).toHaveLength(7);
  });

  test('a code is over after ten minutes, and works once', async () => {
    const late = await startRegistration();
    server.clock.advance(10 * 60_000);
    expect((await verify(late.registrationId, server.codeFor(late.phone))).code).toBe('otp_expired');
    const used = await startRegistration();
    const code = server.codeFor(used.phone);
    expect((await verify(used.registrationId, code)).status).toBe(200);
    expect((await verify(used.registrationId, code)).code).toBe('registration_not_found');
  });

  test("a code opens only the registration it was sent for, not a stranger's", async () => {
    const [mine, other] = [await startRegistration(), await startRegistration()];
    expect((await verify(other.registrationId, server.codeFor(mine.phone))).code).toBe('otp_incorrect');
  });

  test('pressing "send again" many times at once sends one SMS', async () => {
    const { registrationId, phone } = await startRegistration();
    server.clock.advance(31_000);
    const before = server.sms.filter((message) => message.to === phone).length;
    const resend = () => server.call('/v1/auth/register/resend', { body: { registrationId } });
    const answers = await Promise.all(Array.from({ length: 8 }, resend));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.code === 'rate_limited')).toHaveLength(7);
    expect(server.sms.filter((message) => message.to === phone)).toHaveLength(before + 1);
  });

  test('asking for the code again gives no new guesses', async () => {
    const { registrationId, phone } = await startRegistration();
    const code = server.codeFor(phone);
    for (let i = 0; i < 4; i += 1)
      expect((await verify(registrationId, wrong(code))).code).toBe('otp_incorrect');
    server.clock.advance(31_000);
    await server.expect(RegisterResult, '/v1/auth/register/resend', { body: { registrationId } });
    expect((await verify(registrationId, wrong(code))).code).toBe('otp_incorrect');
    expect((await verify(registrationId, code)).code).toBe('otp_too_many_attempts');
  });

  test('registering a known number looks like any other until the code proved the phone', async () => {
    const { phone } = await server.register('customer');
    server.clock.advance(1000);
    const again = await startRegistration(phone);
    expect((await verify(again.registrationId, wrong(server.codeFor(phone)))).code).toBe('otp_incorrect');
    expect((await verify(again.registrationId, server.codeFor(phone))).code).toBe('phone_number_taken');
  });
});

describe('SMS cost money (R54)', () => {
  const numbers = async (limited: TestServer, phones: readonly string[]) => {
    const codes = [];
    for (const phone of phones) {
      const body = {
        role: 'customer',
        phone,
        username: randomUUID().slice(0, 12),
        password: 'a fine password',
      };
      codes.push((await limited.call('/v1/auth/register', { body })).code);
    }
    return codes;
  };

  test('a range of numbers gets so many an hour', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1 });
    try {
      const range = Array.from({ length: 32 }, (_, i) => `+6581234${String(100 + i)}`);
      const codes = await numbers(limited, range);
      expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(2);
      expect(limited.sms).toHaveLength(30);
    } finally {
      await limited.close();
    }
  });

  test('all together get so many a day', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1, env: { TIKI_SMS_PER_DAY: '3' } });
    try {
      const codes = await numbers(
        limited,
        Array.from({ length: 5 }, () => freshPhone()),
      );
      expect(codes).toEqual([null, null, null, 'rate_limited', 'rate_limited']);
      expect(limited.sms).toHaveLength(3);
    } finally {
      await limited.close();
    }
  });
});

describe('log-in', () => {
  test('an unknown number and a wrong password get the same answer in about the same time', async () => {
    const { phone } = await server.register('customer');
    const timed = async (body: object) => {
      const startedAt = performance.now();
      const { code, status } = await server.call('/v1/auth/login', { body });
      return { code, status, ms: performance.now() - startedAt };
    };
    const rounds = 5;
    const [known, unknown]: [number[], number[]] = [[], []];
    await timed({ phone: freshPhone(), password: 'not this one' });
    for (let i = 0; i < rounds; i += 1) {
      const a = await timed({ phone, password: 'not this one' });
      const b = await timed({ phone: freshPhone(), password: 'not this one' });
      expect([a.code, b.code, a.status, b.status]).toEqual([
        'credentials_incorrect',
        'credentials_incorrect',
        401,
        401,
      ]);
      known.push(a.ms);
      unknown.push(b.ms);
    }
    // Without the dummy comparison the unknown number would answer some ten times faster. A busy machine only adds, hence
    // the fastest of each.
    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) * 0.3);
    expect((await timed({ phone: 'no number at all', password: 'not this one' })).code).toBe(
      'credentials_incorrect',
    );
  });

  test('guessing one number is stopped, and a caller cannot escape by inventing addresses (R58)', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1 });
    try {
      const { phone, password } = await limited.register('customer');
      const attempt = (i: number) =>
        limited.call('/v1/auth/login', {
          body: { phone, password: 'wrong' },
          headers: { 'x-forwarded-for': `203.0.113.${i}` },
        });
      for (let i = 0; i < 10; i += 1) expect((await attempt(i)).code).toBe('credentials_incorrect');
      const refused = await attempt(11);
      expect([refused.status, refused.code]).toEqual([429, 'rate_limited']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      // The right password does not help either while the limit holds: that is the point.
      expect((await limited.call('/v1/auth/login', { body: { phone, password } })).code).toBe('rate_limited');
    } finally {
      await limited.close();
    }
  });

  test('guessable passwords are refused at registration', async () => {
    const phone = freshPhone();
    const attempt = (password: string) =>
      server.call('/v1/auth/register', { body: { role: 'customer', phone, username: 'somebody', password } });
    for (const password of ['password123', 'aaaaaaaaaa', phone.slice(3), 'Somebody123']) {
      expect((await attempt(password)).code).toBe('password_too_weak');
    }
  });
});

describe('access tokens (R55)', () => {
  const claims = (session: Session) => ({ sid: randomUUID(), role: session.user.role, mid: null });
  const forge = async (
    session: Session,
    header: { alg: string; typ?: string; kid?: string },
    key: Parameters<SignJWT['sign']>[0],
  ) =>
    new SignJWT(claims(session))
      .setProtectedHeader(header)
      .setSubject(session.user.id)
      .setIssuer(server.origin)
      .setAudience('tikiwallet-api')
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(key);
  const headerOf = (token: string): { kid: string } =>
    JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'));

  test('no token, no scheme, garbage and an unsigned token are refused', async () => {
    const { session } = await server.register('customer');
    const unsigned = new UnsecuredJWT(claims(session))
      .setSubject(session.user.id)
      .setIssuer(server.origin)
      .setAudience('tikiwallet-api')
      .setIssuedAt()
      .setExpirationTime('10m')
      .encode();
    expect((await server.call('/v1/me')).code).toBe('not_authenticated');
    expect(
      (await server.call('/v1/me', { headers: { authorization: `Basic ${session.accessToken}` } })).code,
    ).toBe('not_authenticated');
    for (const token of ['x', 'a.b.c', unsigned, `${session.accessToken}x`])
      expect((await me(token)).code).toBe('not_authenticated');
  });

  test("somebody else's key, an injected kid and HMAC with public material are refused", async () => {
    const { session } = await server.register('customer');
    const { kid } = headerOf(session.accessToken);
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
    expect((await me(await forge(session, { alg: 'EdDSA', typ: 'at+jwt', kid }, privateKey))).code).toBe(
      'not_authenticated',
    );
    expect(
      (await me(await forge(session, { alg: 'EdDSA', typ: 'at+jwt', kid: '../../dev/null' }, privateKey)))
        .code,
    ).toBe('not_authenticated');
    expect(
      (await me(await forge(session, { alg: 'HS256', typ: 'at+jwt', kid }, new TextEncoder().encode(kid))))
        .code,
    ).toBe('not_authenticated');
  });

  test('with the right key, a wrong type, audience, issuer or time is still refused', async () => {
    const { session } = await server.register('customer');
    const { kid } = headerOf(session.accessToken);
    const [row] = await server.database.owner<
      { material: JsonWebKeyLike }[]
    >`select material from server_keys where purpose = 'access_token'`;
    const key = createPrivateKey({ key: { ...row?.material }, format: 'jwk' });
    const nowSeconds = Math.floor(server.clock.nowMs() / 1000);
    const [, payload = ''] = session.accessToken.split('.');
    const good: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const make = (header: object, changes: object) => {
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const signed = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid, ...header })}.${encode({ ...good, ...changes })}`;
      return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
    };
    expect((await me(make({}, {}))).status).toBe(200);
    expect((await me(make({ typ: 'JWT' }, {}))).code).toBe('not_authenticated');
    expect((await me(make({}, { aud: 'somewhere-else' }))).code).toBe('not_authenticated');
    expect((await me(make({}, { iss: 'https://evil.example' }))).code).toBe('not_authenticated');
    expect((await me(make({}, { exp: undefined }))).code).toBe('not_authenticated');
    expect((await me(make({}, { role: 'emperor' }))).code).toBe('not_authenticated');
    expect((await me(make({}, { nbf: nowSeconds + 600 }))).code).toBe('not_authenticated');
    expect((await me(make({}, { exp: nowSeconds - 1 }))).code).toBe('session_expired');
  });

  test('an access token ends after 15 minutes, the session after 6 hours whatever is refreshed', async () => {
    const { session, token } = await server.register('customer', { agent: true });
    server.clock.advance(15 * 60_000 + 1000);
    expect((await me(token)).code).toBe('session_expired');
    let current = await server.expect(Session, '/v1/auth/refresh', {
      body: { refreshToken: session.refreshToken },
    });
    expect(current.sessionExpiresAt).toBe(session.sessionExpiresAt);
    server.clock.advance(5.7 * HOUR_MS);
    current = await server.expect(Session, '/v1/auth/refresh', {
      body: { refreshToken: current.refreshToken },
    });
    expect(Date.parse(current.accessExpiresAt)).toBeLessThanOrEqual(Date.parse(session.sessionExpiresAt));
    server.clock.advance(0.1 * HOUR_MS);
    expect((await refresh(current.refreshToken)).code).toBe('session_expired');
  });
});

describe('refresh tokens (R55)', () => {
  test('an old token that comes back ends the whole session', async () => {
    const { session } = await server.register('customer', { agent: true });
    const next = await server.expect(Session, '/v1/auth/refresh', {
      body: { refreshToken: session.refreshToken },
    });
    server.clock.advance(11_000);
    expect((await refresh(session.refreshToken)).code).toBe('refresh_token_reused');
    expect((await refresh(next.refreshToken)).code).toBe('refresh_token_reused');
    expect((await me(next.accessToken)).code).toBe('session_expired');
  });

  test('two requests at the same moment get the same successor, and the session goes on', async () => {
    const { session } = await server.register('customer', { agent: true });
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(session.refreshToken)));
    const successors = new Set(answers.map((answer) => Session.parse(answer.body).refreshToken));
    expect(successors.size).toBe(1);
    expect((await refresh([...successors][0])).status).toBe(200);
  });

  test('a token two rotations old is reuse even within the moment of grace', async () => {
    const { session } = await server.register('customer', { agent: true });
    const second = await server.expect(Session, '/v1/auth/refresh', {
      body: { refreshToken: session.refreshToken },
    });
    await server.expect(Session, '/v1/auth/refresh', { body: { refreshToken: second.refreshToken } });
    expect((await refresh(session.refreshToken)).code).toBe('refresh_token_reused');
  });

  describe('of a browser that is killed before it wrote its cookie: it proves itself by its key', () => {
    const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const;
    const makeKey = async () => {
      const pair = await crypto.subtle.generateKey(curve, false, ['sign', 'verify']);
      const point = Buffer.from(await crypto.subtle.exportKey('raw', pair.publicKey));
      return { privateKey: pair.privateKey, sessionKey: point.toString('base64url') };
    };
    const logIn = async () => {
      const { phone, password } = await server.register('customer');
      const { privateKey, sessionKey } = await makeKey();
      const body = { phone, password, sessionKey };
      const answer = await server.call('/v1/auth/login', { body });
      const { sessionId = '' } = Session.parse(answer.body);
      return { privateKey, sessionId, cookie: cookieOf(answer.headers) };
    };
    const cookieOf = (headers: Headers) => headers.getSetCookie()[0]?.split(';')[0] ?? '';
    type Owner = { readonly privateKey: webcrypto.CryptoKey; readonly sessionId: string };
    const prove = async ({ privateKey, sessionId }: Owner, count: number, cookie?: string) => {
      const text = new TextEncoder().encode(`tikiwallet session\n${sessionId}\n${String(count)}`);
      const bytes = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, text);
      const proof = { sessionId, count, signature: Buffer.from(bytes).toString('base64url') };
      const headers = cookie === undefined ? {} : { cookie };
      return await server.call('/v1/auth/refresh', { body: { proof }, headers });
    };

    test('without any cookie, and beside one that is old, as often as it likes', async () => {
      const owner = await logIn();
      const headers = { cookie: owner.cookie };
      expect((await server.call('/v1/auth/refresh', { body: {}, headers })).status).toBe(200);
      server.clock.advance(60_000);
      const first = await prove(owner, 1);
      expect([first.status, Session.parse(first.body).sessionId]).toEqual([200, owner.sessionId]);
      server.clock.advance(60_000);
      // By the cookie alone this would be a thief's.
      const second = await prove(owner, 5, owner.cookie);
      expect(second.status).toBe(200);
      expect(cookieOf(second.headers)).not.toBe(owner.cookie);
      expect((await me(Session.parse(second.body).accessToken)).status).toBe(200);
    });

    test('a copied cookie opens nothing any more once the key has, be it old or new, and ends nothing', async () => {
      const owner = await logIn();
      const first = await prove(owner, 1);
      server.clock.advance(60_000);
      const { body } = await prove(owner, 2);
      for (const cookie of [owner.cookie, cookieOf(first.headers)]) {
        const answer = await server.call('/v1/auth/refresh', { body: {}, headers: { cookie } });
        expect(answer.code).toBe('session_expired');
        expect(cookieOf(answer.headers)).toBe('tiki_refresh=');
      }
      expect((await me(Session.parse(body).accessToken)).status).toBe(200);
      expect((await prove(owner, 3)).status).toBe(200);
    });

    test('a count that comes back ends the whole session: somebody has a copy', async () => {
      const owner = await logIn();
      const { body } = await prove(owner, 7);
      server.clock.advance(11_000);
      expect((await prove(owner, 7)).code).toBe('refresh_token_reused');
      expect((await prove(owner, 8)).code).toBe('refresh_token_reused');
      expect((await me(Session.parse(body).accessToken)).code).toBe('session_expired');
    });

    test('a request that was overtaken gets nothing, and ends nothing', async () => {
      const owner = await logIn();
      expect((await prove(owner, 2)).status).toBe(200);
      expect((await prove(owner, 1)).code).toBe('session_expired');
      expect((await prove(owner, 3)).status).toBe(200);
    });

    test('one count at the same moment counts once', async () => {
      const owner = await logIn();
      const answers = await Promise.all(Array.from({ length: 6 }, () => prove(owner, 1)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    });

    test('another key, another session and a session without a key prove nothing and end nothing', async () => {
      const [owner, other] = [await logIn(), await logIn()];
      const { privateKey } = await makeKey();
      const { session: keyless } = await server.register('customer', { agent: true });
      const [, payload = ''] = keyless.accessToken.split('.');
      const { sid }: { sid: string } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
      for (const stranger of [
        { privateKey, sessionId: owner.sessionId },
        { privateKey: other.privateKey, sessionId: owner.sessionId },
        { privateKey, sessionId: sid },
        { privateKey, sessionId: randomUUID() },
      ])
        expect((await prove(stranger, 9)).code).toBe('not_authenticated');
      expect((await prove(owner, 1)).status).toBe(200);
      expect((await refresh(keyless.refreshToken)).status).toBe(200);
    });

    test('signed out, or after six hours, the key opens nothing', async () => {
      const [out, late] = [await logIn(), await logIn()];
      const { body } = await prove(out, 1);
      await server.call('/v1/auth/logout', { body: {}, token: Session.parse(body).accessToken });
      expect((await prove(out, 2)).code).toBe('session_expired');
      server.clock.advance(6 * HOUR_MS);
      expect((await prove(late, 1)).code).toBe('session_expired');
    });

    test('what is no point of the curve is no key', async () => {
      const { phone, password } = await server.register('customer');
      const sessionKey = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64url');
      expect((await server.call('/v1/auth/login', { body: { phone, password, sessionKey } })).code).toBe(
        'device_key_invalid',
      );
    });
  });

  test('a made-up token is refused and ends nothing', async () => {
    const { session } = await server.register('customer', { agent: true });
    const [id = '', , mac = ''] = (session.refreshToken ?? '').split('.');
    for (const token of ['', 'x', `${id}.7.${mac}`, `${randomUUID()}.0.${mac}`])
      expect((await refresh(token)).code).toBe('not_authenticated');
    expect((await refresh(session.refreshToken)).status).toBe(200);
  });
});

describe('the cookie', () => {
  const signIn = async () => {
    const { phone, password } = await server.register('customer');
    const answer = await server.call('/v1/auth/login', { body: { phone, password } });
    return { cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '', headers: answer.headers };
  };

  test('is out of reach for scripts and other sites, and sent to /v1/auth only', async () => {
    const { headers } = await signIn();
    const cookie = headers.get('set-cookie') ?? '';
    for (const flag of ['HttpOnly', 'SameSite=Strict', 'Path=/v1/auth', 'Max-Age='])
      expect(cookie).toContain(flag);
  });

  test.each(['cross-site', 'same-site'])('counts for nothing in a request of a %s page', async (site) => {
    const { cookie } = await signIn();
    const from = (place: string) => ({ cookie, 'sec-fetch-site': place });
    const post = (path: string, place: string) => server.call(path, { method: 'POST', headers: from(place) });
    expect((await post('/v1/auth/refresh', site)).code).toBe('not_authenticated');
    expect((await post('/v1/auth/logout', site)).status).toBe(204);
    // Neither used up nor signed out.
    expect((await post('/v1/auth/refresh', 'same-origin')).status).toBe(200);
  });
});

test('names with control or direction-changing characters, or with nothing to see, are refused by name', async () => {
  const attempt = async (changes: object) => {
    const body = { role: 'merchant', phone: freshPhone(), username: 'somebody', password: 'a fine password' };
    const all = { ...body, businessName: 'Warung', ...changes };
    return (await server.call('/v1/auth/register', { body: all })).code;
  };
  for (const text of ['a\u0000b', 'a\u202eb', '\u200b\u200b', '\u200d\u200d\u200d', 'a\nb']) {
    expect([text, await attempt({ username: text })]).toEqual([text, 'request_invalid']);
    expect([text, await attempt({ businessName: text })]).toEqual([text, 'request_invalid']);
  }
  for (const businessName of ['مقهى الحي', 'किराना \u200dस्टोर', 'Toko “Ibu” & Co.'])
    expect(await attempt({ username: `u${randomUUID().slice(0, 8)}`, businessName })).toBeNull();
  const { token } = await server.register('merchant');
  const kiosk = (name: string) =>
    server.call('/v1/merchant/kiosks', { body: { name }, token, key: randomUUID() });
  expect((await kiosk('Till\u0000')).code).toBe('request_invalid');
});

test('roles: a merchant has no customer wallet, and errors carry a request id', async () => {
  const { token } = await server.register('merchant');
  const answer = await server.call('/v1/wallet', { token });
  expect([answer.status, answer.code]).toEqual([403, 'not_permitted']);
  expect(answer.body).toMatchObject({ requestId: answer.headers.get('x-request-id') });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
});

type JsonWebKeyLike = { kty: string; crv: string; x: string; d: string };

describe('a forgotten PIN asks for the password and a code by SMS', () => {
  const start = (phone: string, password: string, at = server) =>
    at.call('/v1/auth/pin-reset', { body: { phone, password } });
  const finish = (resetToken: string, code: string, at = server) =>
    at.call('/v1/auth/pin-reset/verify', { body: { resetToken, code } });
  const started = async (at = server) => {
    const person = await at.register('customer');
    const { resetToken, phone } = SecondProofStarted.parse(
      (await start(person.phone, person.password, at)).body,
    );
    expect(phone).toBe(person.phone);
    return { ...person, resetToken };
  };

  test('a wrong password and an unknown number get one answer, and no SMS', async () => {
    const { phone, password } = await server.register('customer');
    const before = server.sms.length;
    expect((await start(phone, 'not the password')).code).toBe('credentials_incorrect');
    expect((await start(freshPhone(), password)).code).toBe('credentials_incorrect');
    expect(server.sms).toHaveLength(before);
  });

  test('a wrong code proves nothing, the right one opens a session, and once only', async () => {
    const { phone, resetToken, session } = await started();
    const code = server.codeFor(phone);
    expect((await finish(resetToken, wrong(code))).code).toBe('otp_incorrect');
    const answer = await finish(resetToken, code);
    expect(Session.parse(answer.body).user.id).toBe(session.user.id);
    expect((await finish(resetToken, code)).code).toBe('otp_expired');
  });

  test('after ten minutes the code is over', async () => {
    const { phone, resetToken } = await started();
    server.clock.advance(10 * 60_000);
    expect((await finish(resetToken, server.codeFor(phone))).code).toBe('otp_expired');
  });

  test('after five wrong codes even the right one is refused, and asking again gives no new guesses', async () => {
    const { phone, password, resetToken } = await started();
    const code = server.codeFor(phone);
    for (let i = 0; i < 4; i += 1) expect((await finish(resetToken, wrong(code))).code).toBe('otp_incorrect');
    const again = SecondProofStarted.parse((await start(phone, password)).body);
    expect((await finish(again.resetToken, wrong(code))).code).toBe('otp_incorrect');
    expect((await finish(again.resetToken, code)).code).toBe('otp_too_many_attempts');
  });

  test('the budget of guesses and the pause between two SMS are the person’s, whatever the provider counts', async () => {
    const limited = await startTestServer({ rateLimitFactor: 1 });
    try {
      const { phone, password } = await started(limited);
      // Two or three acts after each other wait for nothing; a script does.
      for (let i = 0; i < 2; i += 1) expect((await start(phone, password, limited)).status).toBe(200);
      const { resetToken } = SecondProofStarted.parse((await start(phone, password, limited)).body);
      const refused = await start(phone, password, limited);
      expect(refused.code).toBe('rate_limited');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      const code = limited.codeFor(phone);
      const guesses = Array.from({ length: 12 }, () => finish(resetToken, wrong(code), limited));
      const codes = (await Promise.all(guesses)).map((answer) => answer.code);
      expect(codes.filter((one) => one === 'otp_incorrect')).toHaveLength(5);
      expect(codes.filter((one) => one === 'otp_too_many_attempts')).toHaveLength(7);
    } finally {
      await limited.close();
    }
  });

  test('the token is the server’s own, and opens only the verification it was made for', async () => {
    const [mine, other] = [await started(), await started()];
    const [userId = '', verification = '', expires = '', given = ''] = mine.resetToken.split('.');
    const [otherId = ''] = other.resetToken.split('.');
    const code = server.codeFor(mine.phone);
    for (const forged of [
      'x',
      [otherId, verification, expires, given].join('.'),
      [userId, verification, `${expires}0`, given].join('.'),
      [userId, verification, expires, given.toLowerCase()].join('.'),
    ])
      expect((await finish(forged, code)).code).toBe('not_authenticated');
    expect((await finish(other.resetToken, code)).code).toBe('otp_incorrect');
    expect((await finish(mine.resetToken, code)).status).toBe(200);
  });
});
