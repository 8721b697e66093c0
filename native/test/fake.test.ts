// The fake is held to the contract of the real radio.

import { describe, test } from 'vitest';
import { createFakeWorld } from '../src/fake.ts';
import { type ContractWorld, radioContract, runLaw } from './contract.ts';

function fakeContractWorld(interfaceName: string): ContractWorld {
  const world = createFakeWorld();
  const machines = {
    till: world.addMachine({ interfaceName }),
    customer: world.addMachine({ interfaceName }),
  };
  return {
    open: (who, settings) => machines[who].openRadio({ deviceName: who, settings: settings ?? {} }),
    phone: () => {
      const phone = world.addPhone();
      return {
        knows: async (ssid, passphrase) => void (await phone.join(ssid, passphrase)),
        forget: async () => phone.leave(),
      };
    },
    killSupplicant: async () => machines.till.killSupplicant(),
    startSupplicant: async () => machines.till.startSupplicant(),
    switchRadio: async (to) => (to === 'off' ? machines.till.blockRadio() : machines.till.unblockRadio()),
    patienceMs: 2_000,
  };
}

describe.each(['wlan0', 'p2p-dev-wlan0'])('the fake, as %s:', (interfaceName) => {
  test.each(radioContract)('$name', async (law) => {
    await runLaw(law, fakeContractWorld(interfaceName));
  });
});
