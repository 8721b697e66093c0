// Names, phone numbers and passwords without a keyboard: the window is touched as a finger touches it, and the keys on
// the screen type into the fields of the product.

import { expect, test } from '@playwright/test';
import process from 'node:process';
import { FakeTill } from '../story/fake-till.ts';

/** Where pictures of the screens go, for whoever wants to look at them. */
const pictures = process.env['TIKI_SCREENSHOTS'];

async function picture(till: FakeTill, name: string): Promise<void> {
  if (pictures !== undefined) await till.page.screenshot({ path: `${pictures}/${name}.png` });
}

const key = (till: FakeTill, name: string) =>
  till.at('screen-keyboard').locator(`[data-skbtn="${name.replaceAll('"', '\\"')}"]`);

async function type(till: FakeTill, ...names: string[]): Promise<void> {
  for (const name of names) await till.touch(key(till, name));
}

/** Nothing of the field is behind the keys or beyond an edge. */
async function expectInSight(till: FakeTill, testId: string): Promise<void> {
  await expect
    .poll(async () => {
      const field = await till.at(testId).boundingBox();
      const keys = await till.at('screen-keyboard').boundingBox();
      return field !== null && keys !== null && field.y >= 0 && field.y + field.height <= keys.y;
    })
    .toBe(true);
}

for (const size of ['800x480', '1280x800']) {
  test.describe(`on a touch screen of ${size}`, () => {
    let till: FakeTill;
    test.beforeAll(async () => {
      till = await FakeTill.open({ size });
    });
    test.afterAll(async () => till.close());

    test('a shop registers with its finger alone, and no field is ever behind the keys', async () => {
      await till.become('not_enrolled');
      await till.touch(till.at('choose-register'));
      await expect(till.at('screen-keyboard')).toHaveAttribute('data-layer', 'shift');
      await expectInSight(till, 'register-business-name');
      await picture(till, `keys-name-${size}`);
      await type(till, 'W', 'a', 'r', 'x', '{bksp}', '{space}', '{digits}', '1', '{letters}');
      await expect(till.at('register-business-name')).toHaveValue('War 1');
      await type(till, '{enter}');
      await expect(till.at('register-phone')).toBeFocused();
      await expectInSight(till, 'register-phone');
      await picture(till, `keys-phone-${size}`);
      await type(till, '+', '6', '2', '8', '1', '2', '3', '4', '5', '{enter}');
      await expect(till.at('register-phone')).toHaveValue('+62812345');
      await expect(till.at('screen-keyboard')).toHaveAttribute('data-layer', 'letters');
      await expectInSight(till, 'register-username');
      await type(till, 's', 'a', 'r', 'i', '{enter}');
      await expectInSight(till, 'register-password');
      await type(
        till,
        'p',
        '{shift}',
        'A',
        's',
        's',
        '{digits}',
        '1',
        '{symbols}',
        '$',
        '{digits}',
        '2',
        '_',
        '9',
      );
      await expect(till.at('register-password')).toHaveValue('pAss1$2_9');
      await picture(till, `keys-password-${size}`);
      await type(till, '{enter}');
      await expect(till.at('otp-0')).toBeVisible();
      // The code has keys of its own; two sets of keys would be one too many.
      await expect(till.at('screen-keyboard')).toHaveCount(0);
    });

    test('the keys are as large as a finger, and leave when there is nothing to type', async () => {
      await till.become('not_enrolled');
      await till.touch(till.at('choose-sign-in'));
      await till.touch(till.at('sign-in-password'));
      const keys = await till.at('screen-keyboard').locator('button').all();
      expect(keys.length).toBeGreaterThan(30);
      for (const one of keys) {
        const box = await one.boundingBox();
        expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(48);
      }
      await type(till, '{hide}');
      await expect(till.at('screen-keyboard')).toHaveCount(0);
      await till.touch(till.at('sign-in-password'));
      await expect(till.at('screen-keyboard')).toBeVisible();
      await till.touch(till.at('step-back'));
      await expect(till.at('screen-welcome')).toHaveAttribute('data-step', 'choose');
      await expect(till.at('screen-keyboard')).toHaveCount(0);
    });

    test('Arabic and Vietnamese are written with their own letters', async () => {
      await till.become('merchant_signed_in');
      await till.page.evaluate(() => localStorage.setItem('tiki.preferences', '{"language":"ar"}'));
      await till.page.reload();
      await till.touch(till.at('kiosk-name'));
      await type(till, '{shift}', 'ن');
      await picture(till, `keys-arabic-${size}`);
      await type(till, '{bksp}', 'ب', 'ا', 'ب', '{script}', 'a');
      await expect(till.at('kiosk-name')).toHaveValue('بابa');
      await till.page.evaluate(() => localStorage.setItem('tiki.preferences', '{"language":"vi"}'));
      await till.page.reload();
      await till.touch(till.at('kiosk-name'));
      await type(till, 'Q', 'u', 'a', '{marks}', '\u0301', 'n', '{space}', '{shift}', '{marks}', 'Ê');
      await picture(till, `keys-vietnamese-vowels-${size}`);
      await type(till, '\u0301', 'm');
      await picture(till, `keys-vietnamese-${size}`);
      await expect(till.at('kiosk-name')).toHaveValue('Quán Ếm');
      await till.page.evaluate(() => localStorage.clear());
    });
  });
}

test('whoever has a mouse and a keyboard sees no keys; a kiosk shows them until somebody types on one', async () => {
  const desk = await FakeTill.open();
  try {
    await desk.become('not_enrolled');
    await desk.at('choose-sign-in').click();
    await desk.at('sign-in-phone').click();
    await expect(desk.at('screen-keyboard')).toHaveCount(0);
  } finally {
    await desk.close();
  }
  const kiosk = await FakeTill.open({ mode: 'kiosk' });
  try {
    await kiosk.become('not_enrolled');
    await kiosk.at('choose-sign-in').click();
    await expect(kiosk.at('screen-keyboard')).toHaveAttribute('data-layer', 'phone');
    await kiosk.page.keyboard.type('0812');
    await expect(kiosk.at('screen-keyboard')).toHaveCount(0);
    await expect(kiosk.at('sign-in-phone')).toHaveValue('0812');
  } finally {
    await kiosk.close();
  }
});
