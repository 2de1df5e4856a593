/** The alarms of a node: what fails in any of its processes, told to an operator as [alarms] says. */
import cluster from 'node:cluster'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Channel } from '../alarms/channel.js'
import { certificateLimit, crlLimit, diskLimit, indexLimit, watchLimits, type Limit } from '../alarms/limits.js'
import { mailChannel } from '../alarms/mail.js'
import { NodeTroubles } from '../alarms/node-troubles.js'
import { newSending } from '../alarms/sending.js'
import { ToldFile } from '../alarms/told-file.js'
import { webhookChannel } from '../alarms/webhook.js'
import { hearWorkers, tellMaster } from '../alarms/worker-troubles.js'
import type { Config } from '../config/config.js'
import { readCertificate } from '../keys.js'
import type { Gateway } from './gateway.js'
import type { Logger } from './types.js'
import type { Watching } from './watching.js'

/** Between two looks at what is due to be told. */
const TURN_MS = 1000
/** Between two looks at what wears off. */
const LIMITS_MS = 60_000
/** The process that hears the others; workers are counted from 1. */
const THIS_PROCESS = 0

/** In every process, before anything can fail: a worker tells the master, which tells the operator. Returns what stops it. */
export function startAlarms(config: Config, { watch, clock }: Watching, log: Logger): () => void {
  if (cluster.isWorker) return tellMaster(watch)
  const channels = channelsOf(config)
  if (channels.length === 0) return () => undefined
  const { minimum, settled, repeat } = config.alarms
  const kept = new ToldFile(join(config.instance, 'alarms.json'), (line) => log.logcrit(line))
  const patience = { minimum: minimum * 1000, settled: settled * 1000, repeat: repeat * 1000 }
  const troubles = new NodeTroubles(patience, kept.read(), clock())
  const stopListening = watch.listen((occurrence) => {
    if (occurrence.kind === 'failure' || occurrence.kind === 'recovery') troubles.hear(THIS_PROCESS, occurrence)
  })
  const stopHearing = hearWorkers({
    hear: (worker, occurrence) => troubles.hear(worker, occurrence),
    forget: (worker) => troubles.forget(worker, clock()),
  })
  const send = newSending(channels, (line) => log.logcrit(line))
  const stopTurns = every(TURN_MS, () => {
    const due = troubles.due(clock())
    due.forEach(send)
    if (due.length > 0) void kept.write(troubles.told)
  })
  return () => [stopListening, stopHearing, stopTurns].forEach((stop) => stop())
}

/** In the master or the only process: what wears off or fills up. Returns what stops it. */
export function watchNode({ config, house, provider, watching }: Gateway, queue: string): () => void {
  const { alarms, signer, instance, files, quarantine } = config
  const certificates = [
    { what: 'signing certificate', read: () => house.issuer.signer.certificate },
    { what: 'TLS certificate', read: () => readCertificate(join(instance, 'config', 'tls_cert.pem')) },
  ]
  const limits: readonly Limit[] = [
    certificateLimit(certificates, signer.warnDays, watching.clock),
    crlLimit(provider.crls, watching.clock),
    ...(alarms.disk === 0 ? [] : [diskLimit([instance, queue, files.spool, quarantine.directory], alarms.disk)]),
    ...(alarms.indexAge === 0 ? [] : [indexLimit(provider.index, alarms.indexAge)]),
  ]
  const look = watchLimits(limits, watching.health)
  return every(LIMITS_MS, () => void look())
}

function channelsOf({ alarms, log }: Config): Channel[] {
  const node = log.server ?? hostname()
  return [
    ...(alarms.mail === undefined ? [] : [mailChannel(alarms.mail, node)]),
    ...(alarms.webhook === undefined ? [] : [webhookChannel(alarms.webhook, node)]),
  ]
}

/** At once and then from time to time. Returns what stops it. */
function every(milliseconds: number, work: () => void): () => void {
  work()
  const timer = setInterval(work, milliseconds).unref()
  return () => clearInterval(timer)
}
