// How far a phone gets that has joined: to the port where it pays.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { INTERNET_ADDRESS, KIOSK_CABLE_ADDRESS, type LabCase } from '../../native/lab/guest/stage.ts';
import type { Supplicant } from '../../native/lab/guest/supplicant.ts';
import { until } from '../../native/lab/guest/until.ts';
import { KIOSK_ADDRESS, PORT } from './kiosk.ts';
import { openShop } from './shop.ts';

const FIREWALL = 'tikipay_radio';
/** Something else that listens on the shop's machine, and something in the internet. */
const OTHER_PORT = 9_999;

export const wallCases: readonly LabCase[] = [
  {
    name: 'R15 a phone reaches the port where it pays, no other port, no other phone and no internet',
    timeoutMs: 240_000,
    run: async (stage, { step }) => {
      const { kiosk, customers } = await openShop(stage);
      const [one, other] = customers;
      const shop = kiosk.supplicant;
      await kiosk.radioIs('up');
      const code = await kiosk.joinCode();
      await one.enter(code);
      const neighbour = await other.enter(code);
      step('the shop’s machine shares its internet with everybody, as some do');
      await shop.exec('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
      await stage.internet.exec('ip', 'route', 'replace', '192.168.49.0/24', 'via', KIOSK_CABLE_ADDRESS);
      await one.phone.exec('ip', 'route', 'replace', `${INTERNET_ADDRESS}/32`, 'via', KIOSK_ADDRESS);
      const servers = [shop.network, stage.internet].map((network) =>
        network.spawn('busybox', ['httpd', '-f', '-p', String(OTHER_PORT), '-h', '/run/tmp'], {
          stdio: 'ignore',
        }),
      );
      const elsewhere = [
        [KIOSK_ADDRESS, OTHER_PORT],
        [INTERNET_ADDRESS, OTHER_PORT],
      ] as const;
      try {
        step('what there is to reach');
        for (const place of elsewhere)
          await until(`the kiosk reaches ${place.join(':')}`, async () => connects(shop, place));
        step('what a phone reaches');
        assert.ok(await connects(one.phone, [KIOSK_ADDRESS, PORT]), 'the phone cannot pay');
        for (const place of elsewhere)
          assert.equal(await connects(one.phone, place), false, `a phone reaches ${place.join(':')}`);
        assert.equal(await one.phone.canReach(neighbour.address), false, 'phones reach each other');
        step('without the walls a phone would get there');
        const rules = await shop.exec('nft', 'list', 'table', 'inet', FIREWALL);
        await shop.exec('nft', 'delete', 'table', 'inet', FIREWALL);
        try {
          for (const place of elsewhere)
            assert.ok(await connects(one.phone, place), `${place.join(':')} proves nothing`);
        } finally {
          await writeFile('/run/tmp/rules.nft', rules);
          await shop.exec('nft', '-f', '/run/tmp/rules.nft');
        }
        assert.equal(await connects(one.phone, elsewhere[0]), false);
      } finally {
        for (const server of servers) server.kill('SIGKILL');
        await shop.exec('sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward');
        await Promise.all([one.leave(), other.leave()]);
      }
    },
  },
];

/** Whether somebody answers there; bash opens connections by itself. */
async function connects(from: Supplicant, [address, port]: readonly [string, number]): Promise<boolean> {
  return await from.tryExec('timeout', '3', 'bash', '-c', `exec 3<>/dev/tcp/${address}/${String(port)}`);
}
