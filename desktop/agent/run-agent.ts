/**
 * The agent as a process: settings, log, data folder, start, signals, exit codes. Only wires; a plain Node program that
 * runs under a service manager, under the app, or in a terminal alike.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readConfig } from './config.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { openLog } from './log.ts';
import { type RadioParts, startAgent, type RunningAgent } from './start-agent.ts';
import { EXIT, explainStart } from './start-faults.ts';

/** `radio` is the machine's own, unless somebody brings another. */
export async function runAgent(radio: RadioParts = {}): Promise<void> {
  keepSecretsOutOfCores();
  let log = openLog('info');
  let folder: DataFolder | undefined;
  let agent: RunningAgent | undefined;
  const end = (code: number): never => {
    folder?.release();
    process.exit(code);
  };
  // Whatever is created from here on, the database and its log included, is for this user's eyes only.
  process.umask(0o077);
  try {
    const config = readConfig(process.env);
    log = openLog(config.logLevel);
    folder = openDataFolder(config.dataFolder);
    agent = await startAgent({
      config,
      folder,
      version: readVersion(),
      log,
      radio,
      onFatal: (detail) => {
        log.fatal(
          { detail },
          'the store failed in a way that leaves a write in doubt; starting again reads what is on disk',
        );
        endAtOnce(folder);
      },
    });
    const { addresses, port } = agent;
    log.info({ addresses, port, dataFolder: config.dataFolder, socket: folder.socketPath }, 'agent ready');
  } catch (error) {
    const { sentence, code } = explainStart(error);
    if (code === EXIT.crashed) log.fatal({ err: error }, sentence);
    console.error(sentence);
    end(code);
  }
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) end(EXIT.stoppedTwice);
    isStopping = true;
    log.info({ signal }, 'agent stopping');
    agent?.stop().then(
      () => {
        log.info('agent stopped');
        end(0);
      },
      (error: unknown) => {
        log.fatal({ err: error }, 'the agent did not stop cleanly');
        end(EXIT.crashed);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const crashed = (error: unknown): void => {
    log.fatal({ err: error }, 'the agent failed; the supervisor starts it again');
    end(EXIT.crashed);
  };
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
}

/**
 * R14. What a crash leaves of this process, wherever the system puts it, has no memory in it: keys and the passphrase of
 * the Wi-Fi are in there. Holds for the programs that the agent starts, too. A system without this file has its own rules.
 */
function keepSecretsOutOfCores(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/**
 * Without a goodbye: an ordinary end closes the database, and closing syncs once more what has just failed to sync, on
 * the same handle, where a disk then says that all is well.
 */
function endAtOnce(folder: DataFolder | undefined): void {
  folder?.release();
  process.kill(process.pid, 'SIGKILL');
}

/** Of the application that this agent came with; a packaged agent has the number built in. */
function readVersion(): string {
  const built = process.env['TIKI_VERSION'];
  if (built !== undefined) return built;
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const isPackage =
    typeof parsed === 'object' &&
    parsed !== null &&
    'version' in parsed &&
    typeof parsed.version === 'string';
  return isPackage ? String(parsed.version) : '0.0.0';
}
