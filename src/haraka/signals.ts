/**
 * SIGTERM and SIGINT end the instance once, with its work in hand; SIGUSR2 reloads it. Haraka knows SIGINT only, ends at once on the
 * second one, and a terminal or systemd sends them to every process of a service.
 */
import cluster from 'node:cluster'
import type { Logger } from './types.js'

/** In the master, or the only process. */
export function takeSignals({ stop, reload }: { readonly stop: () => void; readonly reload: () => void }, log: Logger): void {
  let isStopping = false
  onSignals(['SIGINT', 'SIGTERM'], (signal) => {
    log.lognotice(`${signal}: ${isStopping ? 'stopping already' : 'finishing what is in hand'}`)
    if (isStopping) return
    isStopping = true
    stop()
  })
  onSignals(['SIGUSR2'], reload)
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
