// The contract of an open radio (test/contract.ts), over software radios.

import { openRadio } from '../../../src/index.ts';
import { type ContractWorld, radioContract, runLaw } from '../../../test/contract.ts';
import type { LabCase, Stage } from '../stage.ts';

export const contractCases: readonly LabCase[] = radioContract.map((law) => ({
  name: `contract: ${law.name}`,
  run: async (stage) => {
    try {
      await runLaw(law, worldOf(stage));
    } finally {
      if (law.needs.includes('switch')) await stage.kiosk.restore();
    }
  },
}));

function worldOf({ kiosk, phones: [customer, phone] }: Stage): ContractWorld {
  const machines = { till: kiosk, customer };
  return {
    open: (who, settings = {}) =>
      openRadio({
        interfaceName: machines[who].p2pInterfaceName,
        deviceName: who,
        settings,
        controlFolder: machines[who].controlFolder,
        clientFolder: machines[who].clientFolder,
        // An emulated machine on a busy host takes its time.
        timeoutMs: 8_000,
        pingIntervalMs: 1_000,
      }),
    phone: () => ({
      knows: (ssid, passphrase) => phone.knows(ssid, passphrase),
      forget: () => phone.forget(),
    }),
    killSupplicant: () => kiosk.kill(),
    startSupplicant: () => kiosk.start(),
    switchRadio: (to) => kiosk.switchRadio(to),
    patienceMs: 40_000,
  };
}
