/** The kiosk's network with real dnsmasq, real nftables and real phones' ends of a cable. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Namespace, whyNotHere } from '../test/network-namespaces.ts';
import { HANDSHAKE_POOL, LEASE_POOL } from './address-plan.ts';
import { GroupNetwork, type GroupNetworkOptions, type NetworkFault } from './group-network.ts';
import type { Lease } from './dnsmasq.ts';
import type { Programs } from './run-program.ts';

const missing = whyNotHere();
const PORT = 7070;

describe.skipIf(missing !== undefined)(
  `the kiosk's network${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    let folder: string;
    let kiosk: Namespace;
    let phone: Namespace;
    let outside: Namespace;
    let network: GroupNetwork;
    let leases: Lease[];
    let faults: NetworkFault[];
    let listened: (string | null)[];

    function build(changes: Partial<GroupNetworkOptions> = {}): GroupNetwork {
      return new GroupNetwork({
        programs: kiosk.programs(),
        folder: join(folder, 'radio'),
        port: () => PORT,
        listen: async (address) => void listened.push(address),
        log: pino({ level: 'silent' }),
        onServing: () => undefined,
        onFault: (_name, fault) => faults.push(fault),
        onLease: (lease) => leases.push(lease),
        ...changes,
      });
    }

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'tiki-network-'));
      const unique = `${process.pid}${Math.floor(performance.now())}`;
      kiosk = new Namespace(`tk-k-${unique}`);
      phone = new Namespace(`tk-p-${unique}`);
      outside = new Namespace(`tk-o-${unique}`);
      kiosk.cableTo(phone, 'p2p-w0-0', 'phone0');
      kiosk.cableTo(outside, 'eth0', 'out0');
      kiosk.exec('ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'eth0');
      outside.exec('ip', 'addr', 'add', '10.9.0.2/24', 'dev', 'out0');
      outside.exec('ip', 'route', 'add', 'default', 'via', '10.9.0.1');
      leases = [];
      faults = [];
      listened = [];
      network = build();
    });

    afterEach(async () => {
      network.want(null);
      await network.settled();
      for (const one of [kiosk, phone, outside]) one.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    async function serve(): Promise<void> {
      network.want('p2p-w0-0');
      await network.settled();
      expect(faults).toEqual([]);
    }

    /** A lease by a client that asks as phones do; its address, its router if one was offered, and its DNS. */
    function lease(name = 'Galaxy-A14'): string {
      const script = join(import.meta.dirname, '..', 'test', 'take-lease.sh');
      return phone.exec(
        'busybox',
        'udhcpc',
        '-i',
        'phone0',
        '-n',
        '-q',
        '-f',
        '-t',
        '5',
        '-x',
        `hostname:${name}`,
        '-s',
        script,
      );
    }

    test('R16 a phone gets a lease of the pool, no router, and the kiosk as its DNS, and is known by its name', async () => {
      await serve();
      const said = lease();
      const address = /^address=(.*)$/m.exec(said)?.[1] ?? '';
      const last = Number(address.split('.')[3]);
      expect(address.startsWith('192.168.49.')).toBe(true);
      expect(last).toBeGreaterThanOrEqual(100);
      expect(last).toBeLessThanOrEqual(199);
      expect(said).toContain('router=\n');
      expect(said).toContain('dns=192.168.49.1');
      await expect.poll(() => leases.map(({ name }) => name)).toEqual(['Galaxy-A14']);
    });

    test('R13 a phone with a hostile name gets its lease, and none of the name is told', async () => {
      await serve();
      lease('a\u001b[31m<b>\ndnsmasq-dhcp[1]: 9 DHCPACK(x) 192.168.49.9 02:00:00:00:00:66');
      await expect.poll(() => leases.map(({ name }) => name)).toEqual(['']);
      expect(leases[0]?.hardwareAddress).not.toBe('02:00:00:00:00:66');
    });

    test("the kiosk's DNS answers the kiosk's name and refuses every other, a phone's included", async () => {
      await serve();
      lease('kiosk');
      phone.exec('ip', 'addr', 'add', '192.168.49.50/24', 'dev', 'phone0');
      const ask = (name: string): string =>
        phone.tryExec('busybox', 'nslookup', '-type=a', name, '192.168.49.1').said;
      expect(ask('kiosk.tiki')).toContain('192.168.49.1');
      expect(ask('example.com')).toMatch(/REFUSED/i);
      expect(ask('kiosk')).toMatch(/REFUSED/i);
    });

    test('R15 phones reach DHCP, DNS and the port to pay at, no other port, and nothing behind the kiosk', async () => {
      await serve();
      lease();
      phone.exec('ip', 'addr', 'add', '192.168.49.50/24', 'dev', 'phone0');
      phone.exec('ip', 'route', 'add', 'default', 'via', '192.168.49.1');
      // Somebody has switched forwarding on for another reason.
      kiosk.exec('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
      const open = kiosk.listen(PORT, 9_999);
      const behind = outside.listen(80);
      const reaches = (host: string, port: number): boolean =>
        phone.tryExec('busybox', 'nc', '-w', '2', host, String(port)).isWell;
      try {
        await expect.poll(() => reaches('192.168.49.1', PORT), { timeout: 10_000 }).toBe(true);
        expect(reaches('192.168.49.1', 9_999)).toBe(false);
        expect(reaches('10.9.0.1', PORT)).toBe(false);
        expect(reaches('10.9.0.2', 80)).toBe(false);
        expect(phone.tryExec('busybox', 'ping', '-c', '1', '-W', '1', '10.9.0.2').isWell).toBe(false);
        // The shop's own network is not touched by the walls.
        expect(outside.tryExec('busybox', 'nc', '-w', '2', '10.9.0.1', '9999').isWell).toBe(true);
        expect(outside.tryExec('busybox', 'ping', '-c', '1', '-W', '1', '192.168.49.50').isWell).toBe(false);
      } finally {
        open();
        behind();
      }
    });

    test('R15 the table of the walls goes with the group, and no other table is touched', async () => {
      kiosk.exec('nft', 'add', 'table', 'inet', 'of_the_shop');
      await serve();
      expect(kiosk.exec('nft', 'list', 'tables')).toContain('tikipay_radio');
      network.want(null);
      await network.settled();
      expect(kiosk.exec('nft', 'list', 'tables').trim()).toBe('table inet of_the_shop');
    });

    test('R16 nothing is left of a group that is gone: no address, no dnsmasq, no walls, no listener', async () => {
      await serve();
      expect(kiosk.exec('ip', 'addr', 'show', 'p2p-w0-0')).toContain('192.168.49.1/24');
      network.want(null);
      await network.settled();
      expect(kiosk.exec('ip', 'addr', 'show', 'p2p-w0-0')).not.toContain('192.168.49.1');
      expect(kiosk.processes()).toEqual([]);
      expect(kiosk.exec('nft', 'list', 'tables')).toBe('');
      expect(listened.at(-1)).toBe(null);
    });

    test('R16 what a killed agent left behind is taken away at the next start, before anything else', async () => {
      await serve();
      expect(kiosk.processes()).toHaveLength(1);
      const next = build();
      next.start();
      await next.settled();
      expect(kiosk.processes()).toEqual([]);
      expect(kiosk.exec('ip', 'addr', 'show', 'p2p-w0-0')).not.toContain('192.168.49.1');
      expect(kiosk.exec('nft', 'list', 'tables')).toBe('');
    });

    test('R15 the walls around the group of a killed agent stay while the next one means to host', async () => {
      await network.shut(['p2p-w0-*']);
      await serve();
      const next = build();
      next.start({ keepsWalls: true });
      await next.settled();
      expect(kiosk.processes()).toEqual([]);
      const rules = kiosk.exec('nft', 'list', 'ruleset');
      expect(rules).toMatch(/iifname "p2p-w0-0" counter .*drop/);
      expect(rules).toMatch(/iifname "p2p-w0-\*" counter .*drop/);
      expect(rules).not.toContain('jump');
      await next.lower();
      expect(kiosk.exec('nft', 'list', 'tables')).toBe('');
    });

    test('R16 a dnsmasq that dies is told, and the same wish makes the network anew', async () => {
      await serve();
      const [pid] = kiosk.processes();
      process.kill(Number(pid), 'SIGKILL');
      await expect.poll(() => faults).toEqual(['dnsmasq_ended']);
      faults.length = 0;
      await serve();
      expect(kiosk.processes()).toHaveLength(1);
      expect(lease()).toContain('address=192.168.49.');
    });

    test('however quickly wishes change, the last one holds and nothing of the others is left', async () => {
      kiosk.exec('ip', 'link', 'add', 'p2p-w0-1', 'type', 'veth', 'peer', 'name', 'ph1', 'netns', phone.name);
      for (const wish of ['p2p-w0-0', 'p2p-w0-1', null, 'p2p-w0-0', 'p2p-w0-1']) network.want(wish);
      await network.settled();
      expect(kiosk.processes()).toHaveLength(1);
      expect(kiosk.exec('nft', 'list', 'ruleset')).toContain('iifname "p2p-w0-1"');
      expect(kiosk.exec('nft', 'list', 'ruleset')).not.toContain('p2p-w0-0');
      expect(kiosk.exec('ip', 'addr', 'show', 'p2p-w0-0')).not.toContain('192.168.49.1');
      expect(kiosk.exec('ip', 'addr', 'show', 'p2p-w0-1')).toContain('192.168.49.1');
    });

    test('an interface that is not there is a fault, and leaves walls without a door until it is not wanted', async () => {
      network.want('p2p-w0-9');
      await network.settled();
      expect(faults).toEqual(['address_program_failed']);
      expect(kiosk.exec('nft', 'list', 'ruleset')).toMatch(/iifname "p2p-w0-9" counter .*drop/);
      expect(kiosk.exec('nft', 'list', 'ruleset')).not.toContain('jump');
      network.want(null);
      await network.settled();
      expect(kiosk.exec('nft', 'list', 'tables')).toBe('');
    });

    test('R15 phones reach nothing by a group whose network is not made yet, not made well, or unmade already', async () => {
      // As the kernel gives every interface by itself, and as a service of the machine listens on all of them.
      const local = (of: Namespace, name: string): string =>
        /inet6 (fe80[0-9a-f:]+)/.exec(of.exec('ip', '-6', 'addr', 'show', 'dev', name))?.[1] ?? '';
      const ssh = kiosk.listen(22);
      const reaches = (): boolean =>
        phone.tryExec('busybox', 'nc', '-w', '1', `${local(kiosk, 'p2p-w0-0')}%phone0`, '22').isWell;
      try {
        await expect.poll(reaches, { timeout: 10_000 }).toBe(true);
        await network.shut(['p2p-w0-*']);
        expect(reaches()).toBe(false);
        const broken: Programs = {
          ...kiosk.programs(),
          start: () => kiosk.programs().start('dnsmasq', ['--no-such-option']),
        };
        network = build({ programs: broken });
        await network.shut(['p2p-w0-*']);
        network.want('p2p-w0-0');
        await network.settled();
        expect(faults).toEqual(['dnsmasq_program_failed']);
        expect(reaches()).toBe(false);
        network.want(null);
        await network.settled();
        expect(reaches()).toBe(false);
        await network.lower();
        expect(reaches()).toBe(true);
      } finally {
        ssh();
      }
    });

    test('R15 R66 the address for phones is reached from no other network', async () => {
      await serve();
      const open = kiosk.listen(PORT);
      outside.exec('ip', 'route', 'add', '192.168.49.0/24', 'via', '10.9.0.1');
      phone.exec('ip', 'addr', 'add', '192.168.49.50/24', 'dev', 'phone0');
      try {
        await expect
          .poll(() => phone.tryExec('busybox', 'nc', '-w', '2', '192.168.49.1', String(PORT)).isWell, {
            timeout: 10_000,
          })
          .toBe(true);
        const fromShop = (host: string): boolean =>
          outside.tryExec('busybox', 'nc', '-w', '2', host, String(PORT)).isWell;
        expect(fromShop('10.9.0.1')).toBe(true);
        expect(fromShop('192.168.49.1')).toBe(false);
        expect(outside.tryExec('busybox', 'nslookup', '-type=a', 'kiosk.tiki', '192.168.49.1').isWell).toBe(
          false,
        );
      } finally {
        open();
      }
    });

    test('a phone that opens a connection to the DNS and says nothing holds up nobody', async () => {
      await serve();
      phone.exec('ip', 'addr', 'add', '192.168.49.50/24', 'dev', 'phone0');
      // Behind the walls, so that the name server itself is seen to stand it.
      kiosk.exec('nft', 'insert', 'rule', 'inet', 'tikipay_radio', 'phones', 'tcp', 'dport', '53', 'accept');
      const silent = spawn('ip', ['netns', 'exec', phone.name, 'busybox', 'nc', '192.168.49.1', '53']);
      try {
        await expect
          .poll(() => phone.exec('busybox', 'netstat', '-tn'), { timeout: 10_000 })
          .toMatch(/192\.168\.49\.1:53 +ESTABLISHED/);
        expect(phone.exec('busybox', 'nslookup', '-type=a', 'kiosk.tiki', '192.168.49.1')).toContain(
          '192.168.49.1',
        );
        expect(lease()).toContain('address=192.168.49.');
      } finally {
        silent.kill('SIGKILL');
      }
    });

    test('a dnsmasq whose number cannot be written down is not left running', async () => {
      mkdirSync(join(folder, 'radio', 'dnsmasq.pid'), { recursive: true });
      network.want('p2p-w0-0');
      await network.settled();
      expect(faults).toEqual(['dnsmasq_program_failed']);
      expect(kiosk.processes()).toEqual([]);
    });

    test('a user with two capabilities and nothing else makes the whole network', async () => {
      network = build({
        programs: kiosk.programs({ asNobodyWith: ['net_admin', 'net_bind_service'] }),
      });
      // Under a service manager the folder belongs to the agent's user.
      chmodSync(folder, 0o755);
      mkdirSync(join(folder, 'radio'));
      chmodSync(join(folder, 'radio'), 0o777);
      await serve();
      expect(lease()).toContain('address=192.168.49.');
    });

    test('R18 without the capabilities it is a fault that says so, and nothing is left behind', async () => {
      network = build({ programs: kiosk.programs({ asNobodyWith: [] }) });
      network.want('p2p-w0-0');
      await network.settled();
      expect(faults).toEqual(['firewall_not_permitted']);
      expect(kiosk.processes()).toEqual([]);
    });
  },
);

test('R16 the pool of leases and that of the key handshake have no address in common', () => {
  const last = (address: string): number => Number(address.split('.')[3]);
  expect(last(HANDSHAKE_POOL.last)).toBeLessThan(last(LEASE_POOL.first));
});
