/** What monitoring is told of a node: the figures of its processes, and whether it can take mail. */
import cluster from 'node:cluster'
import { X509Certificate } from 'node:crypto'
import { fromBuffer } from '../mail/source.js'
import { openMonitor } from '../metrics/monitor.js'
import { addNodeGauges } from '../metrics/node-gauges.js'
import { newReadiness, type Check } from '../metrics/readiness.js'
import { newServiceMetrics, type ServiceMetrics } from '../metrics/service-metrics.js'
import { oneAtATime } from '../one-at-a-time.js'
import { answerMaster, askWorkers, NodeFigures } from '../metrics/workers.js'
import type { Gateway } from './gateway.js'

/** They outlive a gateway that is opened anew. */
const figures = new NodeFigures(askWorkers)

/** In every process. */
export function startMetrics({ watching }: Pick<Gateway, 'watching'>): ServiceMetrics {
  const metrics = newServiceMetrics()
  watching.watch.listen(metrics.listener)
  if (cluster.isWorker) answerMaster(metrics.registry)
  return metrics
}

/** In the master or the only process, where [monitor] says so. Returns what ends it. */
export async function startMonitor(gateway: Gateway, queue: string): Promise<() => void> {
  const { config, house, provider, metrics, watching } = gateway
  const { listen } = config.monitor
  if (listen === undefined) return () => undefined
  const { ledger, index, crls } = provider
  addNodeGauges(metrics.registry, {
    ...{ queue, ledger, issuer: house.issuer, index, crls, clock: watching.clock },
    ...{ days: ledger.days, drift: () => gateway.time.drift() },
  })
  const server = await openMonitor({
    listen,
    metrics: oneAtATime(() => figures.text(metrics.registry)),
    readiness: newReadiness(checksOf(gateway)),
  })
  server.unref()
  return () => server.close()
}

/** The parts themselves are asked, not those that the points have: questions are no use of the service. */
function checksOf({ config, provider }: Gateway): Readonly<Record<string, Check>> {
  const { directory, index, ledger, antivirus, issuer } = provider
  const { domain, receipts } = config.provider
  return {
    workers: () => {
      const workers = Object.values(cluster.workers ?? {})
      if (cluster.isPrimary && workers.length > 0 && !workers.some((worker) => worker?.isConnected() === true))
        throw new Error('no worker is there')
    },
    ledger: () => ledger.probe(new Date()),
    antivirus: () => antivirus.scan(fromBuffer(Buffer.from('From: readiness\r\n\r\n'))),
    directory: async () => {
      if (!directory.managesDomain(domain)) throw new Error(`${domain} is not in the directory`)
      await directory.mailbox(receipts)
    },
    index: () => {
      if (index.byDomain(domain) === undefined) throw new Error(`${domain} is not in the index of providers`)
    },
    certificate: () => {
      const { validFrom, validTo } = new X509Certificate(issuer.signer.certificate)
      const now = Date.now()
      if (now < Date.parse(validFrom) || now > Date.parse(validTo)) throw new Error(`valid from ${validFrom} to ${validTo} only`)
    },
  }
}
