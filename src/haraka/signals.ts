/**
 * SIGTERM and SIGINT end the instance once, with its work in hand; SIGUSR2 reloads it. Haraka knows SIGINT only, ends at once on the
 * second one, and a terminal or systemd sends them to every process of a service.
 */
import cluster from 'node:cluster'
import type { Logger } from './types.js'

/** In the master, or the only process. It ends, too, when `pec start` is gone that has started it: nobody could stop it otherwise. */
export function takeSignals({ stop, reload }: { readonly stop: () => void; readonly reload: () => void }, log: Logger): void {
  let isStopping = false
  const end = (reason: string): void => {
    log.lognotice(`${reason}: ${isStopping ? 'stopping already' : 'finishing what is in hand'}`)
    if (isStopping) return
    isStopping = true
    stop()
  }
  onSignals(['SIGINT', 'SIGTERM'], end)
  onSignals(['SIGUSR2'], reload)
  whenStarterIsGone(() => end('pec start, which runs this, is gone'))
}

/** Whoever starts the master with a channel holds the other end while it lives. Without a channel, nobody knows. */
export function isStarterGone(): boolean {
  return 'connected' in process && !process.connected
}

function whenStarterIsGone(act: () => void): void {
  if (isStarterGone()) act()
  if (!process.connected) return
  process.once('disconnect', act)
  // The listener alone would keep the process alive.
  process.channel?.unref()
}

/** In a worker: the master tells it when to go. */
export function leaveSignalsToMaster(): void {
  if (cluster.isWorker) onSignals(['SIGINT', 'SIGTERM', 'SIGUSR2'], () => undefined)
}

function onSignals(signals: readonly NodeJS.Signals[], act: (signal: NodeJS.Signals) => void): void {
  for (const signal of signals) {
    process.removeAllListeners(signal)
    process.on(signal, act)
  }
}
