// Every screen of the till under axe, by day and by night, in the real window; and what axe does not measure: that whatever
// is tapped is as large as a finger.

import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import process from 'node:process';
import { FakeTill } from '../story/fake-till.ts';

const pictures = process.env['TIKI_SCREENSHOTS'];
const leastTargetPx = 48;
/** What axe judges by colours; everything else is the same by night. */
const rulesOfColour = ['color-contrast', 'link-in-text-block'];

type Screen = {
  readonly name: string;
  readonly scenario: string;
  /** From the scenario's first screen to the one that is meant. */
  readonly go?: (till: FakeTill) => Promise<void>;
  /** Shown when the screen has arrived. */
  readonly shows: string;
};

const tap =
  (...testIds: string[]) =>
  async (till: FakeTill): Promise<void> => {
    for (const testId of testIds) await till.at(testId).click();
  };

async function toOtp(till: FakeTill): Promise<void> {
  await till.at('choose-register').click();
  await till.at('register-business-name').fill('Warung Sari');
  await till.at('register-phone').fill('+6281234567');
  await till.at('register-username').fill('sari');
  await till.at('register-password').fill('a long password');
  await till.at('register-submit').click();
}

async function toRefusedSignIn(till: FakeTill): Promise<void> {
  await till.at('choose-sign-in').click();
  await till.at('sign-in-phone').fill('+6281234567');
  await till.at('sign-in-password').fill('wrong');
  await till.at('sign-in-submit').click();
}

async function toNewKiosk(till: FakeTill): Promise<void> {
  await till.at('kiosk-name').fill('Counter');
  await till.at('create-kiosk').click();
}

async function toBackOffice(till: FakeTill): Promise<void> {
  await till.at('nav-settings').click();
  await till.at('settings-sign-in').click();
  await till.at('sign-in-phone').fill('+6281234567');
  await till.at('sign-in-password').fill('a long password');
  await till.at('sign-in-submit').click();
}

async function toScreenKeys(till: FakeTill): Promise<void> {
  await till.at('choose-sign-in').click();
  await till.touch(till.at('sign-in-password'));
}

/** A settled sale's detail, then what is tapped in it. */
const giveBack =
  (...testIds: string[]) =>
  async (till: FakeTill): Promise<void> => {
    await till.at('nav-activity').click();
    await till.at('activity-item').first().click();
    await tap('give-back', ...testIds)(till);
  };

/** As far as the code that the customer scans. */
const toOffer = giveBack('give-back-reason-other', 'give-back-submit');

async function toGivenBack(till: FakeTill): Promise<void> {
  await toOffer(till);
  await till.at('give-back-qr').waitFor();
  till.control('give-back');
}

async function toSettledRefund(till: FakeTill): Promise<void> {
  await toGivenBack(till);
  await till.at('screen-given-back').waitFor();
  till.control('settle-refunds');
}

async function toStoppedOffer(till: FakeTill): Promise<void> {
  await toOffer(till);
  await till.at('give-back-qr').waitFor();
  till.control('suspend');
}

const screens: readonly Screen[] = [
  { name: 'starting', scenario: 'starting', shows: 'screen-starting' },
  { name: 'ways in', scenario: 'not_enrolled', shows: 'choose-code' },
  { name: 'enrolment code', scenario: 'not_enrolled', go: tap('choose-code'), shows: 'code-key-A' },
  { name: 'signing in', scenario: 'not_enrolled', go: tap('choose-sign-in'), shows: 'sign-in-phone' },
  { name: 'keys on the screen', scenario: 'not_enrolled', go: toScreenKeys, shows: 'screen-keyboard' },
  { name: 'sign-in refused', scenario: 'not_enrolled', go: toRefusedSignIn, shows: 'problem' },
  { name: 'registering', scenario: 'not_enrolled', go: tap('choose-register'), shows: 'register-phone' },
  {
    name: 'registering, nothing filled in',
    scenario: 'not_enrolled',
    go: tap('choose-register', 'register-submit'),
    shows: 'register-phone',
  },
  { name: 'SMS code', scenario: 'not_enrolled', go: toOtp, shows: 'stand-in-hint' },
  { name: 'choosing a language', scenario: 'not_enrolled', go: tap('language-menu'), shows: 'choose-code' },
  { name: 'naming a kiosk', scenario: 'merchant_signed_in', shows: 'kiosk-name' },
  { name: 'a new kiosk’s code', scenario: 'merchant_signed_in', go: toNewKiosk, shows: 'kiosk-code' },
  { name: 'selling', scenario: 'ready', shows: 'screen-sell' },
  { name: 'several customers, selling', scenario: 'several', shows: 'counter' },
  { name: 'several customers, waiting', scenario: 'several_front', shows: 'short-code' },
  {
    name: 'several customers, paid',
    scenario: 'several',
    go: (till) => till.at('counter-sale').nth(1).click(),
    shows: 'paid-amount',
  },
  {
    name: 'several customers, needs a manager',
    scenario: 'several',
    go: (till) => till.at('counter-sale').nth(2).click(),
    shows: 'override-open',
  },
  {
    name: 'turning several customers on',
    scenario: 'overridable',
    go: tap('nav-settings', 'several-4'),
    shows: 'several-pin',
  },
  {
    name: 'the customer’s number',
    scenario: 'ready',
    go: tap('key-5', 'charge-with-phone'),
    shows: 'screen-payer-phone',
  },
  {
    name: 'a manager’s decision',
    scenario: 'overridable',
    go: tap('override-open'),
    shows: 'override-dialog',
  },
  {
    name: 'setting the PIN',
    scenario: 'ready',
    go: tap('nav-settings', 'manager-pin-set'),
    shows: 'manager-password',
  },
  { name: 'limits', scenario: 'ready', go: tap('nav-settings', 'limits-open'), shows: 'limits' },
  { name: 'a denied kiosk', scenario: 'kiosk_denied', shows: 'problem-band' },
  { name: 'a suspended kiosk', scenario: 'kiosk_suspended', shows: 'problem-band' },
  { name: 'suspended in the middle of a sale', scenario: 'suspended_mid_sale', shows: 'screen-stopped' },
  {
    name: 'above the limit',
    scenario: 'ready',
    go: tap('key-9', 'key-00', 'key-00', 'key-00', 'key-00'),
    shows: 'screen-sell',
  },
  { name: 'connecting', scenario: 'connecting', shows: 'screen-sell' },
  { name: 'selling offline', scenario: 'offline_pending', shows: 'screen-sell' },
  { name: 'settling', scenario: 'settling', shows: 'settlement-progress' },
  { name: 'waiting', scenario: 'waiting', shows: 'qr' },
  { name: 'refused', scenario: 'refused', shows: 'last-refusal' },
  { name: 'expired', scenario: 'expired', shows: 'screen-expired' },
  { name: 'paid', scenario: 'paid', shows: 'screen-paid' },
  { name: 'paid offline', scenario: 'paid_offline', shows: 'screen-paid' },
  { name: 'paid, all of it long', scenario: 'long', shows: 'screen-paid' },
  {
    name: 'paid, all of it long, with the receipt',
    scenario: 'long',
    go: tap('receipt-toggle'),
    shows: 'receipt-qr',
  },
  { name: 'long activity', scenario: 'long', go: tap('nav-activity'), shows: 'activity-list' },
  { name: 'no activity', scenario: 'fresh', go: tap('nav-activity'), shows: 'activity-empty' },
  { name: 'activity', scenario: 'offline_pending', go: tap('nav-activity'), shows: 'activity-list' },
  {
    name: 'a payment',
    scenario: 'ready',
    go: async (till) => {
      await till.at('nav-activity').click();
      await till.at('activity-item').first().click();
    },
    shows: 'payment-detail',
  },
  {
    name: 'giving back a part',
    scenario: 'ready',
    go: giveBack('give-back-part'),
    shows: 'screen-give-back',
  },
  {
    name: 'giving back, asking the manager',
    scenario: 'overridable',
    go: giveBack('give-back-reason-other', 'give-back-submit'),
    shows: 'give-back-pin',
  },
  { name: 'giving back, the code', scenario: 'ready', go: toOffer, shows: 'give-back-qr' },
  { name: 'given back', scenario: 'ready', go: toGivenBack, shows: 'screen-given-back' },
  { name: 'given back and settled', scenario: 'ready', go: toSettledRefund, shows: 'given-back-settled' },
  { name: 'giving back, stopped', scenario: 'ready', go: toStoppedOffer, shows: 'screen-give-back-over' },
  { name: 'status', scenario: 'ready', go: tap('nav-status'), shows: 'panel-settlement' },
  {
    name: 'status, settlement refused',
    scenario: 'settle_refused',
    go: tap('nav-status'),
    shows: 'panel-settlement',
  },
  {
    name: 'joining the Wi-Fi',
    scenario: 'radio_up',
    go: tap('key-5', 'key-00', 'charge', 'step-join'),
    shows: 'join-qr',
  },
  {
    name: 'paying over the Wi-Fi',
    scenario: 'radio_up',
    go: tap('key-5', 'key-00', 'charge'),
    shows: 'pay-steps',
  },
  { name: 'the Wi-Fi', scenario: 'radio_up', go: tap('nav-status', 'radio-open'), shows: 'radio-details' },
  {
    name: 'the Wi-Fi, tested',
    scenario: 'ready',
    go: tap('nav-status', 'radio-open', 'radio-test'),
    shows: 'radio-checks',
  },
  { name: 'settings', scenario: 'ready', go: tap('nav-settings'), shows: 'panel-merchant' },
  { name: 'back office', scenario: 'ready', go: toBackOffice, shows: 'kiosk-row' },
  { name: 'clock wrong', scenario: 'clock_wrong', shows: 'problem-band' },
  { name: 'quarantined', scenario: 'quarantined', shows: 'screen-quarantined' },
  { name: 'agent lost', scenario: 'ready', go: (till) => till.loseAgent(), shows: 'screen-lost' },
];

let till: FakeTill;
test.beforeAll(async () => {
  till = await FakeTill.open();
});
test.afterAll(async () => till.close());

for (const screen of screens) {
  test(`${screen.name}: everybody can read it and hit it, by day and by night`, async () => {
    await wear('light');
    await till.become(screen.scenario);
    await screen.go?.(till);
    await expect(till.at(screen.shows).first()).toBeVisible();
    await picture(screen, 'light');
    expect(await seriousFindings(till)).toEqual([]);
    expect(await smallTargets(till)).toEqual([]);
    expect(await outside(till)).toEqual([]);
    await wear('dark');
    await picture(screen, 'dark');
    expect(await seriousFindings(till, rulesOfColour), 'dark').toEqual([]);
  });
}

const DECIDING = [
  'a denied kiosk',
  'a suspended kiosk',
  'paid, all of it long',
  'paid, all of it long, with the receipt',
  'suspended in the middle of a sale',
  'paid',
  'paid offline',
  'given back and settled',
  'giving back, stopped',
  'limits',
];
test('what decides about money can be read from right to left, by night, in the smallest window', async () => {
  const small = await FakeTill.open({ size: '640x480' });
  try {
    await small.become('ready');
    await small.page.evaluate(() => localStorage.setItem('tiki.preferences', '{"language":"ar"}'));
    await small.page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    for (const screen of screens.filter(({ name }) => DECIDING.includes(name))) {
      await small.become(screen.scenario);
      await screen.go?.(small);
      await expect(small.at(screen.shows).first()).toBeVisible();
      await comeToRest(small);
      if (pictures !== undefined)
        await small.page.screenshot({
          path: `${pictures}/a11y-small-${screen.name.replaceAll(/[^a-z]+/g, '-')}.png`,
        });
      expect(await seriousFindings(small, rulesOfColour), screen.name).toEqual([]);
      const isWider = await small.page.evaluate(
        () => document.documentElement.scrollWidth > window.innerWidth,
      );
      expect(isWider, screen.name).toBe(false);
      expect(await outside(small), screen.name).toEqual([]);
    }
  } finally {
    await small.close();
  }
});

test('the bar stands still while the till connects, goes offline and comes back', async () => {
  await till.become('connecting');
  await wear('light');
  const places = async (): Promise<unknown[]> => {
    const all = ['shop-name', 'cloud-state', 'settlement-state', 'trust-state'];
    return await Promise.all(all.map(async (handle) => await till.at(handle).boundingBox()));
  };
  for (const language of ['en', 'id', 'vi', 'ar', 'sw']) {
    await till.page.evaluate(
      (chosen) => localStorage.setItem('tiki.preferences', JSON.stringify({ language: chosen })),
      language,
    );
    await till.page.reload();
    till.control('connecting');
    await expect(till.at('cloud-state')).toHaveAttribute('data-state', 'connecting');
    await comeToRest(till);
    const before = await places();
    for (const state of ['offline', 'online'] as const) {
      till.control(state);
      await expect(till.at('cloud-state')).toHaveAttribute('data-state', state);
      await comeToRest(till);
      expect(await places(), `${language} ${state}`).toEqual(before);
    }
  }
  await till.page.evaluate(() => localStorage.clear());
});

async function wear(colorScheme: 'light' | 'dark'): Promise<void> {
  await till.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
}

async function picture(screen: Screen, scheme: string): Promise<void> {
  await comeToRest(till);
  if (pictures === undefined) return;
  const name = `${screen.name} ${scheme}`.replaceAll(/[^a-z]+/g, '-');
  await till.page.screenshot({ path: `${pictures}/a11y-${name}.png` });
}

/**
 * Colours are measured once they are what they will be; what turns for ever is not waited for. A colour that is inherited
 * changes part by part, each a frame after its parent: at rest is what is still after two frames as well.
 */
async function comeToRest(till: FakeTill): Promise<void> {
  await till.page.evaluate(async () => {
    const moving = (): Animation[] =>
      document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    // A window that the machine stopped drawing, because it is busy or something covers it, gives no frames.
    const within = (limitMs: number, done: Promise<unknown>): Promise<unknown> =>
      Promise.race([done, new Promise((resolve) => setTimeout(resolve, limitMs))]);
    const frame = (): Promise<unknown> =>
      within(1_000, new Promise((resolve) => requestAnimationFrame(resolve)));
    for (let still = 0; still < 2; ) {
      const now = moving();
      still = now.length === 0 ? still + 1 : 0;
      // One that is taken back, because its part left the screen, is at rest too.
      await within(5_000, Promise.allSettled(now.map(({ finished }) => finished)));
      await frame();
    }
  });
}

async function seriousFindings(till: FakeTill, rules?: string[]): Promise<string[]> {
  // Electron opens no second page for axe to gather its results in, hence its older way.
  const axe = new AxeBuilder({ page: till.page }).setLegacyMode(true);
  const { violations } = await (rules === undefined ? axe : axe.withRules(rules)).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`),
    );
}

/**
 * What stands beside the window, where nothing scrolls sideways; and of what is said beside "paid", whatever would have to be
 * scrolled to at the size of a counter's screen.
 */
function outside(till: FakeTill): Promise<string[]> {
  return till.page.evaluate(() => {
    const beside = [
      ...document.querySelectorAll<HTMLElement>('button, a[href], input, h1, h2, [data-testid]'),
    ]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 1 && (left < -1 || right > window.innerWidth + 1);
      });
    const told = document.querySelector('[data-testid=paid-told]');
    const below =
      told !== null && window.innerHeight >= 800 && told.scrollHeight > told.clientHeight + 1
        ? [`"paid" scrolls: ${String(told.scrollHeight)} > ${String(told.clientHeight)}`]
        : [];
    return [...beside.map((element) => element.outerHTML.slice(0, 140)), ...below];
  });
}

/** What can be tapped and is smaller than a finger. A field counts with its label's box when that is what one taps. */
function smallTargets(till: FakeTill): Promise<string[]> {
  return till.page.evaluate((least) => {
    const targets = document.querySelectorAll<HTMLElement>(
      'button, a[href], input, select, [role=button], [role=radio], [role=switch], [role=menuitem]',
    );
    const small: string[] = [];
    for (const target of targets) {
      if (!target.checkVisibility({ visibilityProperty: true })) continue;
      const labels = target instanceof HTMLInputElement ? [...(target.labels ?? [])] : [];
      const boxes = [target, ...labels].map((element) => element.getBoundingClientRect());
      const fits = boxes.some(({ width, height }) => Math.min(width, height) >= least - 0.5);
      // A pixel of it that nobody sees, such as the input behind a drawn switch, is not what is tapped.
      const hidden = boxes.every(({ width, height }) => width * height <= 1);
      if (!fits && !hidden) small.push(`${target.outerHTML.slice(0, 140)} ${JSON.stringify(boxes[0])}`);
    }
    return small;
  }, leastTargetPx);
}
