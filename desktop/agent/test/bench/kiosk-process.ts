/**
 * The kiosk under measurement, as a process of its own: the real store and the real listener, once as phones speak to
 * it and once without the seal, so that what the seal costs can be told from the rest. Ends with its standard input.
 */
import { sealOpener } from '@tikiwallet/protocol/node';
import { pino } from 'pino';
import { listenForPhones, type Listener } from '../../pairing/listener.ts';
import type { StoreOptions } from '../../store/messages.ts';
import type { StoreSnapshot } from '../../store/kiosk-store.ts';
import { StoreClient } from '../../store/store-client.ts';

const data = JSON.parse(process.argv[2] ?? '') as StoreOptions;
const snapshots: StoreSnapshot[] = [];
const fail = (detail: string): never => {
  throw new Error(detail);
};
const store = new StoreClient(data, {
  onSnapshot: (snapshot) => {
    snapshots[0] = snapshot;
  },
  onQuarantine: fail,
  onFatal: fail,
  onLog: (_, text) => console.error(text),
});
await store.whenReady();

function listen(open: ReturnType<typeof sealOpener>): Promise<Listener> {
  return listenForPhones({
    host: '127.0.0.1',
    port: 0,
    advertise: [],
    open,
    view: () => {
      const kiosk = snapshots[0]?.kiosk ?? null;
      return kiosk === null ? null : { ...kiosk };
    },
    openRequests: () => [],
    openRefund: () => null,
    accept: (delivery) => store.accept(delivery),
    acceptRefund: (acceptance) => store.run('acceptRefund', acceptance),
    log: pino({ level: 'silent' }),
    maxConnections: 256,
  });
}

const sealed = await listen(sealOpener(data.sealingKeyPem));
const plain = await listen((delivery) => ({ ok: true, value: delivery }));
console.log(JSON.stringify({ sealed: sealed.port, plain: plain.port }));
process.stdin.on('end', () => {
  void Promise.all([sealed.close(), plain.close()])
    .then(() => store.stop())
    .then(() => process.exit(0));
});
process.stdin.resume();
