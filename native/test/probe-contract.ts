// What every WifiDirect promises, whichever way it is made. The fake, the addon
// over a scripted supplicant and the addon over a real one all run this suite.

import { afterEach, describe, expect, test } from 'vitest';
import type { RadioState, WifiDirect } from '../src/radio-state.ts';

/** A way to bring about each state that this kind of radio can be brought into. */
export type Arrangements = { readonly [State in RadioState['state']]?: () => Promise<Arranged> };

export type Arranged = {
  readonly wifi: WifiDirect;
  readonly expected: RadioState;
  readonly cleanUp?: () => Promise<void>;
};

export function describeWifiDirectContract(name: string, arrangements: Arrangements): void {
  describe(name, () => {
    const cleanUps: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
    });

    for (const [state, arrange] of Object.entries(arrangements)) {
      test(`probe tells ${state}, and tells it again`, async () => {
        const { wifi, expected, cleanUp } = await arrange();
        if (cleanUp !== undefined) cleanUps.push(cleanUp);
        expect(expected.state).toBe(state);
        expect(await wifi.probe()).toEqual(expected);
        expect(await wifi.probe()).toEqual(expected);
      });

      test(`a probe whose signal has come already is refused (${state})`, async () => {
        const { wifi, cleanUp } = await arrange();
        if (cleanUp !== undefined) cleanUps.push(cleanUp);
        await expect(wifi.probe({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
      });

      test(`probes at the same time do not disturb each other (${state})`, async () => {
        const { wifi, expected, cleanUp } = await arrange();
        if (cleanUp !== undefined) cleanUps.push(cleanUp);
        const states = await Promise.all(Array.from({ length: 8 }, () => wifi.probe()));
        expect(states).toEqual(Array.from({ length: 8 }, () => expected));
      });
    }
  });
}
