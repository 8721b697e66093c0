/** Looks through a large database while the store works on it, and says once what is wrong, or null (decisions/0019). */
import { parentPort, workerData } from 'node:worker_threads';
import { findDamage } from './whole-check.ts';

parentPort?.postMessage(findDamage(String(workerData)));
