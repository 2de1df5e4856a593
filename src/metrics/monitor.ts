/** What monitoring asks over HTTP: /metrics, /healthz, /readyz. It is for a private address: it has neither TLS nor passwords. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { once } from 'node:events'
import { Registry } from 'prom-client'
import { PecError, reasonOf } from '../errors.js'
import type { Readiness } from './readiness.js'

export interface MonitorOptions {
  /** A host and port, or the path of a socket. */
  readonly listen: { readonly host: string; readonly port: number } | { readonly path: string }
  /** In Prometheus's text format. */
  readonly metrics: () => Promise<string>
  readonly readiness: () => Promise<Readiness>
}

const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** Rejects with PecError 'configuration' if it cannot listen. */
export async function openMonitor(options: MonitorOptions): Promise<Server> {
  const server = createServer((request, response) => {
    void answer(request, options)
      .catch((error: unknown) => ofJson(500, { error: reasonOf(error) }))
      .then(({ status, type, body }) => {
        response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' })
        response.end(body)
      })
  })
  server.requestTimeout = 10_000
  server.maxConnections = 64
  try {
    server.listen(options.listen)
    await once(server, 'listening')
  } catch (error) {
    throw new PecError('configuration', `[monitor] listen: ${reasonOf(error)}`, { cause: error })
  }
  return server
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function answer({ method, url = '' }: IncomingMessage, { metrics, readiness }: MonitorOptions): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return ofJson(405, { error: 'only GET' })
  switch (url.split('?', 1)[0]) {
    case '/metrics':
      return { status: 200, type: METRICS_TYPE, body: await metrics() }
    case '/healthz':
      return ofJson(200, { alive: true })
    case '/readyz': {
      const state = await readiness()
      return ofJson(state.ready ? 200 : 503, state)
    }
    default:
      return ofJson(404, { error: 'there are /metrics, /healthz and /readyz' })
  }
}

function ofJson(status: number, body: unknown): Answer {
  return { status, type: 'application/json', body: JSON.stringify(body) }
}
