/** The bridge of ten lines between a page and the main process: two doors, typed by the contract, and nothing generic. */
import { contextBridge, ipcRenderer, type IpcRendererEvent } from 'electron';
import type { RendererEvent, TikiBridge } from '../ipc/renderer-contract.ts';

const bridge: TikiBridge = {
  call: (name, params) => ipcRenderer.invoke('tiki:call', name, params),
  onEvent(listener) {
    const deliver = (_event: IpcRendererEvent, event: RendererEvent): void => listener(event);
    ipcRenderer.on('tiki:event', deliver);
    ipcRenderer.send('tiki:subscribe');
    return () => void ipcRenderer.off('tiki:event', deliver);
  },
};
contextBridge.exposeInMainWorld('tiki', bridge);
