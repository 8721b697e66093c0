/** The small decisions of the screens that need no screen. */
import { describe, expect, it } from 'vitest';
import { FakeAgent } from '../ipc/fake-agent.ts';
import { connectionAfter, STARTING_GRACE_MS } from './agent/connection.ts';
import { happeningsBetween } from './frame/announcer.tsx';
import { formatMoment, formatTime, formatWhen } from './language/moments.ts';
import { settlementView } from './frame/status-bar.tsx';
import { standingOf } from './sell/counter.tsx';
import { qrEdge, qrPath } from './sell/qr-code.tsx';
import { faceOf } from './sell/sale-view.tsx';
import { parsePreferences } from './settings/preferences.ts';
import { shareOf } from './status/status-screen.tsx';
import { cleanCode, showCode } from './welcome/enrolment-code.ts';

describe('a QR code', () => {
  it('is drawn a run at a time', () => {
    expect(
      qrPath([
        [true, true, false, true],
        [false, false, false, false],
      ]),
    ).toBe('M0 0h2v1H0zM3 0h1v1H3z');
  });

  it('takes whole device pixels per module', () => {
    expect(qrEdge(700, 81, 1)).toBe(648);
    expect(qrEdge(700, 81, 1.5)).toBe(648);
    expect(qrEdge(40, 81, 1)).toBe(40);
  });
});

describe('the face of a sale', () => {
  const sale = new FakeAgent({ scenario: 'waiting', now: () => 1_000_000 }).state.sale;
  const paid = new FakeAgent({ scenario: 'paid', now: () => 1_000_000 }).state.sale;

  it('follows the sale, and forgets what was dismissed or is old news', () => {
    expect(faceOf(null, null, 0)).toBe('keypad');
    expect(faceOf(sale, null, 1_000_000)).toBe('waiting');
    expect(faceOf(paid, null, 1_000_000)).toBe('paid');
    expect(faceOf(paid, paid?.saleId ?? '', 1_000_000)).toBe('keypad');
    expect(faceOf(paid, null, 1_000_000 + 3_600_000)).toBe('keypad');
  });
});

describe('what happened', () => {
  it('is paid once, and never for a sale that was paid before it was seen', () => {
    const agent = new FakeAgent({ scenario: 'waiting' });
    const before = agent.state;
    agent.pay();
    expect(happeningsBetween(before, agent.state)).toMatchObject([{ kind: 'paid', sale: { state: 'paid' } }]);
    expect(happeningsBetween(agent.state, agent.state)).toEqual([]);
    expect(happeningsBetween({ ...before, sale: null, sales: [] }, agent.state)).toEqual([]);
  });

  it('is paid for the right sale, in front or not, and says each of two that are paid at once', () => {
    const agent = new FakeAgent({ scenario: 'several_front' });
    const before = agent.state;
    const [first, , , fourth] = before.sales;
    agent.pay(undefined, fourth?.saleId);
    agent.pay(undefined, first?.saleId);
    expect(agent.state.sale?.saleId).toBe(first?.saleId);
    expect(happeningsBetween(before, agent.state)).toMatchObject([
      { kind: 'paid', sale: { saleId: first?.saleId, amountMinor: first?.amountMinor } },
      { kind: 'paid', sale: { saleId: fourth?.saleId, amountMinor: fourth?.amountMinor } },
    ]);
    expect(agent.state.sales.map(standingOf)).toEqual(['paid', 'paid', 'manager', 'paid']);
  });

  it('is every new refusal, and the internet that comes and goes', () => {
    const agent = new FakeAgent({ scenario: 'refused' });
    const before = agent.state;
    agent.refuse('request_expired');
    expect(happeningsBetween(before, agent.state)).toEqual([{ kind: 'refused', code: 'request_expired' }]);
    const online = agent.state;
    agent.hearOfCloud('offline');
    expect(happeningsBetween(online, agent.state)).toEqual([{ kind: 'offline' }]);
  });
});

describe('an agent that does not answer', () => {
  const lost = { type: 'agentLost', since: '2026-01-05T08:00:00.000Z' } as const;

  it('is starting at first and lost afterwards', () => {
    expect(connectionAfter(lost, { heard: false, elapsedMs: 100, nowMs: 100 }).kind).toBe('starting');
    expect(connectionAfter(lost, { heard: false, elapsedMs: STARTING_GRACE_MS, nowMs: 0 }).kind).toBe('lost');
    expect(connectionAfter(lost, { heard: true, elapsedMs: 100, nowMs: 100 }).kind).toBe('lost');
  });
});

it('payments that wait are said even by an idle settlement', () => {
  expect(settlementView('idle', 2, true).words).toBe('waiting');
  expect(settlementView('idle', 0, true).words).toBe('settleIdle');
  expect(settlementView('idle', 0, false).words).toBe('settleNothing');
  expect(settlementView('refused', 2, true).tone).toBe('bad');
});

it('preferences that cannot be read are the defaults', () => {
  for (const text of [null, '', '{', '[]', 'null', '{"sound":"no","newSaleAfterSeconds":7}']) {
    expect(parsePreferences(text)).toEqual({
      language: undefined,
      sound: true,
      newSaleAfterSeconds: 0,
      checksPhone: 'perSale',
    });
  }
  expect(parsePreferences('{"language":"ar","sound":false,"newSaleAfterSeconds":10}')).toEqual({
    language: 'ar',
    sound: false,
    newSaleAfterSeconds: 10,
    checksPhone: 'perSale',
  });
  expect(parsePreferences('{"checksPhone":"always"}').checksPhone).toBe('always');
});

it('a share of a limit needs no float', () => {
  expect([
    shareOf('0', '100'),
    shareOf('50', '200'),
    shareOf('9', '3'),
    shareOf('1', '0'),
    shareOf('900000000000000000', '1000000000000000000'),
  ]).toEqual([0, 25, 100, 100, 90]);
});

it('an enrolment code is cleaned while it is typed', () => {
  expect([cleanCode('k7qm-3xtr!!9'), showCode('K7QM3'), showCode('K7QM')]).toEqual([
    'K7QM3XTR',
    'K7QM-3',
    'K7QM',
  ]);
});

describe('a time of day', () => {
  it('is written in one way wherever it stands, by the language', () => {
    const at = new Date(2026, 10, 30, 16, 7, 5).toISOString();
    const nextDay = new Date(2026, 11, 1);
    for (const [language, clock] of [
      ['en', /4:07(:05)?\s?PM/],
      ['id', /16\.07(\.05)?/],
      ['vi', /16:07(:05)?/],
      ['ar', /4:07(:05)?\s?م/],
    ] as const) {
      expect(formatTime(at, language)).toMatch(clock);
      expect(formatMoment(at, language)).toMatch(clock);
      expect(formatWhen(at, language, nextDay)).toMatch(clock);
      expect(formatTime(at, language)).not.toMatch(/^0/);
    }
  });
});
